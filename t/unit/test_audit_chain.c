
/*
 * The verifier of chains of audit lines: U-08, U-09, U-10.  Without this
 * somebody could take a line out of the log, or change what it says, and
 * nobody would see it.
 */

#include "tap.h"

#include "agent_audit_verify.h"
#include "audit.h"
#include "chain.h"


/* of the log that is tried: some lines are records */

#define LINES    1000
#define CHAINS   3
#define EPOCH    50
#define OTHER    800


typedef struct {
    size_t    len;
    uint8_t   text[OTHER];
} line_t;


typedef struct {
    agent_audit_fault_t   first;
    char                  uid[AGENT_AUDIT_CHAIN_UID + 1];
    size_t                n;
    uint32_t              seen;         /* bits of the kinds */
} faults_t;


static void test_intact(void);
static void test_removed(void);
static void test_swapped(void);
static void test_edited(void);
static void test_repeated(void);
static void test_cut(void);
static void test_foreign(void);
static void test_ends(void);
static void test_forger(void);
static void test_partial(void);
static void test_torn(void);

static void make_log(void);
static void append(agent_audit_chain_t *chain, line_t *line,
    const agent_audit_record_t *rec);
static void verify(faults_t *faults, agent_audit_result_t *result,
    unsigned partial);
static void feed(agent_audit_verify_t *v, size_t from, size_t to);
static void note_fault(void *data, const agent_audit_fault_t *fault);


static agent_audit_chain_t   chains[CHAINS + 1];
static line_t                lines[LINES + 2];
static size_t                nlines;
static uint64_t              now = 1795449600123;

int
main(void)
{
    make_log();

    test_intact();
    test_removed();
    test_swapped();
    test_edited();
    test_repeated();
    test_cut();
    test_foreign();
    test_ends();
    test_forger();
    test_partial();
    test_torn();

    return tap_done();
}


/*
 * Three chains, of which one ends, one is taken over and one goes on, and a
 * fourth that begins and ends amid the others.
 */

static void
make_log(void)
{
    size_t                i;
    uint32_t              c;
    agent_audit_record_t  rec;

    make_secret();
    srand(7);

    memset(&rec, 0, sizeof(rec));
    set(&rec.uid, "1f3a-9");
    rec.interval = 60000;

    for (c = 0; c <= CHAINS; c++) {
        agent_audit_chain_end(&chains[c]);
        begin(&chains[c], c);

        if (c < CHAINS) {
            rec.event = AGENT_AUDIT_START;
            append(&chains[c], &lines[c], &rec);
        }
    }

    for (i = CHAINS; i < LINES - 2; i++) {

        c = (uint32_t) rand() % CHAINS;

        if (i == 400) {
            rec.event = AGENT_AUDIT_START;
            append(&chains[3], &lines[i], &rec);

        } else if (i == 500) {
            rec.event = AGENT_AUDIT_STOP;
            append(&chains[3], &lines[i], &rec);

        } else if (i > 400 && i < 500 && i % 7 == 0) {
            append(&chains[3], &lines[i], NULL);

        } else if (chains[c].seq % EPOCH == EPOCH - 1) {
            rec.event = AGENT_AUDIT_CHECKPOINT;
            append(&chains[c], &lines[i], &rec);
            (void) agent_audit_chain_epoch(&chains[c]);

        } else {
            append(&chains[c], &lines[i], NULL);
        }
    }

    rec.event = AGENT_AUDIT_STOP;
    append(&chains[0], &lines[LINES - 2], &rec);

    rec.event = AGENT_AUDIT_TAKEOVER;
    rec.chain.data = chains[1].uid;
    rec.chain.len = chains[1].uid_len;
    rec.seq = chains[1].seq;
    append(&chains[2], &lines[LINES - 1], &rec);

    nlines = LINES;
}


static void
append(agent_audit_chain_t *chain, line_t *line,
    const agent_audit_record_t *rec)
{
    size_t                len;
    uint8_t               buf[AGENT_AUDIT_LINE_MAX];
    agent_audit_event_t   ev;
    agent_audit_record_t  copy;

    now += 1000;

    if (rec) {
        copy = *rec;
        copy.time_ms = now;
        len = agent_audit_record_line(buf, sizeof(buf), &copy);

    } else {
        memset(&ev, 0, sizeof(ev));
        ev.time_ms = now;
        set(&ev.agent, "billing-bot");
        len = agent_audit_line(buf, sizeof(buf), &ev);
    }

    len = agent_audit_chain_add(chain, buf, len,
                                rec && rec->event == AGENT_AUDIT_CHECKPOINT);

    if (len == 0 || len > OTHER) {
        printf("Bail out! a line of %u octets\n", (unsigned) len);
        exit(1);
    }

    /* without the LF */

    line->len = len - 1;
    memcpy(line->text, buf, len - 1);
}


static void
verify(faults_t *faults, agent_audit_result_t *result, unsigned partial)
{
    agent_audit_verify_t  *v;

    memset(faults, 0, sizeof(*faults));

    v = agent_audit_verify_create(&secret, 1, partial, note_fault, faults);

    feed(v, 0, nlines);

    agent_audit_verify_end(v, result);
    agent_audit_verify_free(v);
}


static void
feed(agent_audit_verify_t *v, size_t from, size_t to)
{
    size_t             i;
    agent_audit_pos_t  pos;

    pos.file = 0;

    for (i = from; i < to; i++) {
        pos.line = i + 1;
        (void) agent_audit_verify_line(v, &pos, lines[i].text, lines[i].len);
    }
}


static void
note_fault(void *data, const agent_audit_fault_t *fault)
{
    faults_t  *faults = data;

    faults->seen |= 1u << fault->fault;

    if (faults->n++ && fault->pos.line >= faults->first.pos.line) {
        return;
    }

    faults->first = *fault;
    snprintf(faults->uid, sizeof(faults->uid), "%.*s", (int) fault->uid.len,
             (const char *) fault->uid.data);
}


static void
test_intact(void)
{
    faults_t              faults;
    agent_audit_result_t  result;

    verify(&faults, &result, 0);

    ok(faults.n == 0 && result.faults == 0, "the log is intact");
    ok(result.lines == LINES && result.unproven == 0, "all of its lines");
    ok(result.chains == CHAINS + 1 && result.open == 1,
       "four chains, and one goes on");
}


/* the next line of the chain of line i; LINES: there is none */

static size_t
follower(size_t i)
{
    size_t              n;
    agent_audit_link_t  link, next;

    (void) agent_audit_link_parse(&link, lines[i].text, lines[i].len);

    for (n = i + 1; n < LINES; n++) {
        (void) agent_audit_link_parse(&next, lines[n].text, lines[n].len);

        if (next.index == link.index) {
            return n;
        }
    }

    return LINES;
}


static void
test_removed(void)
{
    size_t                i, n, missed, elsewhere;
    line_t                line;
    faults_t              faults;
    agent_audit_result_t  result;

    missed = 0;
    elsewhere = 0;

    /* the last two lines, stop and takeover, are what nobody can miss yet */

    for (i = 0; i < LINES - 2; i++) {

        n = follower(i);

        line = lines[i];
        memmove(&lines[i], &lines[i + 1], (LINES - 1 - i) * sizeof(line_t));
        nlines = LINES - 1;

        verify(&faults, &result, 0);

        if (faults.n == 0) {
            missed++;
            printf("# line %u\n", (unsigned) i + 1);
        }

        /* one up, since a line is gone */

        elsewhere += n < LINES && faults.first.pos.line != n;

        memmove(&lines[i + 1], &lines[i], (LINES - 1 - i) * sizeof(line_t));
        lines[i] = line;
    }

    nlines = LINES;

    ok(missed == 0, "each line is missed");
    ok(elsewhere == 0, "before the one that follows it");
}


static void
test_swapped(void)
{
    size_t                i, n, missed, elsewhere;
    line_t                line;
    faults_t              faults;
    agent_audit_result_t  result;

    missed = 0;
    elsewhere = 0;

    for (i = 0; i < LINES; i++) {

        n = follower(i);

        if (n == LINES) {
            continue;
        }

        line = lines[i];
        lines[i] = lines[n];
        lines[n] = line;

        verify(&faults, &result, 0);

        missed += !(faults.seen & 1u << AGENT_AUDIT_ORDER);
        elsewhere += faults.first.pos.line != i + 1;

        lines[n] = lines[i];
        lines[i] = line;
    }

    ok(missed == 0, "each line of a chain has its place");
    ok(elsewhere == 0, "and the first of two is named");
}


static void
test_edited(void)
{
    size_t                i, at, missed, elsewhere;
    uint8_t               bit;
    faults_t              faults;
    agent_audit_result_t  result;

    missed = 0;
    elsewhere = 0;

    for (i = 0; i < LINES; i++) {

        at = (size_t) rand() % lines[i].len;
        bit = (uint8_t) (1 << rand() % 8);

        lines[i].text[at] ^= bit;
        verify(&faults, &result, 0);
        lines[i].text[at] ^= bit;

        if (faults.n == 0) {
            missed++;
            printf("# line %u, octet %u\n", (unsigned) i + 1, (unsigned) at);
        }

        /*
         * where it names another chain or boot, theirs is at fault, too; where
         * it was the last of one that was taken over, that is cut before it
         */

        elsewhere += faults.first.pos.line != i + 1
                     && faults.first.pos.line != 0
                     && !(follower(i) == LINES
                          && faults.first.fault == AGENT_AUDIT_CUT);
    }

    ok(missed == 0, "each bit counts");
    ok(elsewhere == 0, "and its line is the first that is named");
}


static void
test_repeated(void)
{
    size_t                i, missed, elsewhere;
    faults_t              faults;
    agent_audit_result_t  result;

    missed = 0;
    elsewhere = 0;

    for (i = 0; i < LINES; i++) {

        memmove(&lines[i + 1], &lines[i], (LINES - i) * sizeof(line_t));
        nlines = LINES + 1;

        verify(&faults, &result, 0);

        missed += faults.n != 1;
        elsewhere += faults.first.pos.line != i + 2;

        memmove(&lines[i], &lines[i + 1], (LINES - i) * sizeof(line_t));
    }

    nlines = LINES;

    ok(missed == 0, "no line may be there twice");
    ok(elsewhere == 0, "and it is the second that is named");
}


/* what is gone at the end is told by the lines behind it, or by the time */

static void
test_cut(void)
{
    line_t                last;
    faults_t              faults;
    agent_audit_result_t  result;

    /* without the last line of the chain that was taken over */

    last = lines[LINES - 3];

    nlines = LINES - 3;
    lines[LINES - 3] = lines[LINES - 2];
    lines[LINES - 2] = lines[LINES - 1];
    nlines = LINES - 1;

    verify(&faults, &result, 0);
    ok(faults.n == 1, "the end of a chain is cut off");

    lines[LINES - 1] = lines[LINES - 2];
    lines[LINES - 2] = lines[LINES - 3];
    lines[LINES - 3] = last;
    nlines = LINES;

    /* neither stop nor takeover: these two chains go on, for all we know */

    nlines = LINES - 2;
    verify(&faults, &result, 0);
    ok(faults.n == 0 && result.open == 3, "three chains go on");

    /* and another one does three minutes later */

    nlines = LINES;
    now += 181000;
    append(&chains[2], &lines[LINES], NULL);
    lines[LINES - 2] = lines[LINES - 1];
    lines[LINES - 1] = lines[LINES];

    nlines = LINES;
    verify(&faults, &result, 0);
    ok(faults.n == 1 && faults.seen == 1u << AGENT_AUDIT_NO_STOP,
       "a chain that has no end and does not go on");

    make_log();
}


static void
test_foreign(void)
{
    line_t                line;
    faults_t              faults;
    agent_pepper_t        other;
    agent_audit_result_t  result;

    static const char  plain[] = "{\"time\":1,\"unmapped\":{\"a\":{}}}";

    line = lines[10];

    memcpy(lines[10].text, plain, sizeof(plain) - 1);
    lines[10].len = sizeof(plain) - 1;
    verify(&faults, &result, 0);
    ok((faults.seen & 1u << AGENT_AUDIT_FOREIGN)
       && faults.first.pos.line == 11,
       "a line without a chain");

    lines[10].len = 0;
    verify(&faults, &result, 0);
    ok(faults.first.fault == AGENT_AUDIT_FOREIGN
       && faults.first.pos.line == 11,
       "an empty line");

    lines[10] = line;

    other = secret;
    secret.key.inner[0]++;
    verify(&faults, &result, 0);
    ok(result.lines == 0 && (faults.seen & 1u << AGENT_AUDIT_CHANGED),
       "another secret proves nothing");

    secret = other;
    secret.id[1] = '2';
    verify(&faults, &result, 0);
    ok(result.lines == 0 && faults.seen == 1u << AGENT_AUDIT_NO_KEY,
       "a secret of another name is none");

    secret = other;
}


/* a whole chain that is gone, and lines behind the end of one */

static void
test_ends(void)
{
    size_t                i, n;
    line_t                copy[LINES];
    faults_t              faults;
    agent_audit_link_t    link;
    agent_audit_result_t  result;

    memcpy(copy, lines, sizeof(copy));

    for (i = 0, n = 0; i < LINES; i++) {
        (void) agent_audit_link_parse(&link, copy[i].text, copy[i].len);

        if (link.index != 0) {
            lines[n++] = copy[i];
        }
    }

    nlines = n;
    verify(&faults, &result, 0);
    ok(faults.n == 1 && faults.seen == 1u << AGENT_AUDIT_NO_CHAIN
       && strcmp(faults.uid, "MDEyMzQ1Njc4OWFiY2RlZg.0") == 0,
       "a chain is gone as a whole");

    memcpy(lines, copy, sizeof(copy));

    append(&chains[0], &lines[LINES], NULL);
    append(&chains[1], &lines[LINES + 1], NULL);
    nlines = LINES + 2;
    verify(&faults, &result, 0);
    ok(faults.n == 2 && faults.seen == 1u << AGENT_AUDIT_AFTER_END
       && faults.first.pos.line == LINES + 1,
       "lines of chains that ended");

    make_log();
}


/* who has the key of a chain cannot go back beyond its epoch */

static void
test_forger(void)
{
    size_t                i, n;
    faults_t              faults;
    agent_audit_link_t    link;
    agent_audit_chain_t   forger;
    agent_audit_result_t  result;

    n = 0;

    for (i = 0; i < LINES; i++) {
        (void) agent_audit_link_parse(&link, lines[i].text, lines[i].len);

        if (link.index == 2 && link.seq == 40) {

            /*
             * all that the worker has at the end, and the MAC before; in a
             * place of its own, which has not seen this number so far
             */

            forger = chains[2];
            forger.gmac = agent_gmac_create();
            (void) agent_audit_key_gmac(forger.gmac, &forger.key);
            forger.seq = 39;
            append(&forger, &lines[i], NULL);
            agent_audit_chain_end(&forger);
            n = i;
        }
    }

    verify(&faults, &result, 0);
    ok(faults.first.fault == AGENT_AUDIT_CHANGED
       && faults.first.pos.line == n + 1,
       "a later key forges no earlier line");

    make_log();
}


static void
test_partial(void)
{
    size_t                i, last;
    line_t                line;
    faults_t              faults;
    agent_audit_link_t    link;
    agent_audit_result_t  result;

    last = nlines;

    /* from the 301st line on */

    memmove(lines, lines + 300, (LINES - 300) * sizeof(line_t));
    nlines = LINES - 400;

    verify(&faults, &result, 0);
    ok(faults.seen & 1u << AGENT_AUDIT_HEADLESS, "the beginning is missing");

    verify(&faults, &result, 1);
    ok(faults.n == 0 && result.unproven > 0 && result.unproven <= CHAINS
       && result.lines == LINES - 400 - result.unproven,
       "of a part only the first line of each chain is not proven");

    line = lines[100];
    lines[100].text[20] ^= 1;
    verify(&faults, &result, 1);
    ok(faults.n == 1 && faults.first.pos.line == 101, "all others are");
    lines[100] = line;

    /* a part that begins with lines that have the MAC before */

    for (i = 0; i < nlines; i++) {
        (void) agent_audit_link_parse(&link, lines[i].text, lines[i].len);

        if (link.index == 0 && link.has_prev) {
            break;
        }
    }

    memmove(lines, lines + i, (nlines - i) * sizeof(line_t));
    nlines = 1;
    verify(&faults, &result, 1);
    ok(faults.n == 0 && result.unproven == 0 && result.lines == 1,
       "a checkpoint proves itself");

    lines[0].text[20] ^= 1;
    verify(&faults, &result, 1);
    ok(faults.n == 1, "or does not");

    nlines = last;
    make_log();
}


static void
test_torn(void)
{
    faults_t              faults;
    agent_audit_result_t  result;

    memmove(&lines[101], &lines[100], (LINES - 100) * sizeof(line_t));
    lines[100].len = 77;
    nlines = LINES + 1;

    verify(&faults, &result, 0);
    ok(faults.n == 0 && result.torn == 1 && result.lines == LINES,
       "a part of a line that is there as a whole");

    lines[100].text[70] ^= 1;
    verify(&faults, &result, 0);
    ok(faults.n == 1 && faults.first.fault == AGENT_AUDIT_FOREIGN
       && faults.first.pos.line == 101,
       "a part of none");

    make_log();
}
