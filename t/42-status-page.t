# The page of agent_status in a real browser.  Without this it could be blank
# for a policy that forbids its own script, show what is not so, ask a server
# elsewhere, take the name of a location for markup, or be of no use on a phone
# or to somebody who does not see colours.

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentStatus;

use File::Path qw/ make_path /;
use IPC::Open2;
use JSON::PP ();

plan(skip_all => 'SKIPPED: chromium is not installed')
    unless -x ($ENV{CHROMIUM} // '/usr/bin/chromium');

our $root = $AgentAuth::Root;

plan(skip_all => 'SKIPPED: t/browser/install failed, no playwright-core')
    if system("sh $root/t/browser/install > /dev/null 2>&1") != 0;

plan(skip_all => 'once is enough, and it takes its time')
    if $ENV{TEST_NGINX_USE_HUP} || ($ENV{TEST_AGENT_MODE} // '') eq 'asan';

our $as = AgentAS->start();

sub provider { return $as->provider(@_) }

sub date {
    my @t = gmtime(time + $_[0] * 86400);
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1,
        @t[3, 2, 1, 0];
}


# a line of the browser's

sub told {
    my ($from) = @_;

    my $line = <$from> // die "the browser has ended\n";
    my $said = JSON::PP->new->utf8->decode($line);

    die "$said->{failed}\n" if $said->{failed};

    return $said;
}


repeat_each(1);
run_tests();

__DATA__

=== TEST 1: light, dark, and on a phone
--- keys
alpha  expires={{date(3)}}
gone   state=revoked
--- http_config
{{provider('main-provider')}}
--- config
    server_name api.test;
    agent_audience https://api.test/a;
    location /t { agent_auth oauth key; empty_gif; }
    location "/<img src=x onerror=alert(1)>" {
        agent_auth key; agent_mode observe; empty_gif;
    }
    location /status { agent_status html; allow 127.0.0.1; deny all; }
--- run
my $shots = "$AgentAuth::State/screenshots";
make_path($shots);

my $pid = open2(my $from, my $to, 'node', "$root/t/browser/status.js",
    'http://' . (port() =~ /:/ ? '' : '127.0.0.1:') . port() . '/status', $shots);
my $token = $as->token('agent-basic', scope => 'invoices:read',
    resource => 'https://api.test/a');
my $revoked = 0;
my %back;

for my $look (qw/ light dark phone /) {
    is(told($from)->{look}, $look, "$look: the page is there");

    ask('GET /t', 'X-API-Key' => key 'alpha') for 1 .. 4;
    ask('GET /t', Authorization => "Bearer $token") for 1 .. 3;
    ask('GET /t', 'X-API-Key' => key 'gone') for 1 .. 5;
    $revoked += 5;

    # until then it is not all there
    print $to "key_revoked\tdenied\t$revoked\t\n";
    $to->flush;

    my $page = told($from);

    is($page->{status}, 200, "$look: status");
    is_deeply($page->{foreign}, [], "$look: nothing is asked of others");
    is_deeply($page->{complaints}, [], "$look: the browser has no complaint");
    cmp_ok($page->{requests}, '>=', 3, "$look: it refreshes itself");
    cmp_ok($page->{requests}, '<', 200, "$look: and not all the time");

    like($page->{health}, qr/1 to look at/, "$look: health");
    like($page->{advice}, qr/keys: Keys expire within seven days/,
        "$look: advice");
    like($page->{reasons}, qr/^ok\tallowed\t/m, "$look: allowed");
    like($page->{reasons}, qr/^key_revoked\tdenied\t$revoked\t/m,
        "$look: denied");
    like($page->{providers}, qr/main-provider\t\x{25cf} answers/,
        "$look: provider");
    like($page->{keys}, qr/^keys\t\x{25cf} in force\t1\t0\t0\t0\t1\t0\t1\t1\t/m,
        "$look: keys");
    like($page->{zones}, qr/Tokens, agent_tokens/, "$look: zones");
    like($page->{locations}, qr{^/t\b}m, "$look: a location");
    like($page->{locations}, qr{<img src=x onerror=alert\(1\)>},
        "$look: a name is no markup");
    like($page->{audit}, qr/audit\.log\t\d+\t0/, "$look: audit");
    like($page->{tiles}, qr/Cache hits/, "$look: tiles");
    like($page->{graph}, qr/allowed [\d.]+, denied/, "$look: graph, in words");
    is($page->{lines}, 4, "$look: four lines");
    ok($page->{drawn}, "$look: which have points");

    cmp_ok($page->{wider}, '<=', 0, "$look: no wider than its window");
    cmp_ok($page->{contrast}{ratio}, '>=', 4.5,
        "$look: contrast (WCAG 2.2, 1.4.3)") or diag(explain($page->{contrast}));
    is($page->{captions}, $page->{tables}, "$look: each table has a caption");
    is($page->{heads}, $page->{rows}, "$look: each row has a head");
    is($page->{columns}, 0, "$look: and each column");
    is($page->{unnamed}, 0, "$look: all that is there has a name");
    is($page->{paused}, 'Go on', "$look: it can be stopped");
    is($page->{timers}, 1, "$look: and goes on no faster than before");
    ok(-s "$shots/status-$look.png", "$look: a screenshot");

    $back{$look} = $page->{background};
}

isnt($back{light}, $back{dark}, 'dark is dark');

waitpid $pid, 0;
is($?, 0, 'the browser ended well');
