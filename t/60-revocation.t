# What was revoked is refused with the next request.  Without this a stolen key
# or token would go on until it expires, or until its provider is asked again;
# a suspended key would come back by itself; or what nobody revoked would be
# refused.
#
# requirements.md, V-02, V-05, K-07; design.md, 4 and 6 (token_revoked)

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentRevocation;
use Digest::SHA ();
use MIME::Base64 ();
use POSIX ();

our $as = AgentAS->start(faults => 1);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Who "$agent_id" always;');
workers(2);

our $runs = 0;

sub own { return own_provider($as, @_) }
sub opaque { return $as->provider('opaque', max_ttl => '10m', @_) }

sub iso { return POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => 'agent_audience https://api.test/a;'
        . ' location /t { agent_auth key oauth; empty_gif; }'
        . ' location /o { agent_auth key oauth; agent_mode observe;'
        . ' empty_gif; }')
        unless defined $block->config;
});


sub by_key {
    return ask('GET ' . ($_[1] // '/t'), 'X-API-Key' => key($_[0]));
}


sub by_token {
    return ask('GET ' . ($_[1] // '/t'), Authorization => "Bearer $_[0]");
}


# a token is good, revoked as it is told, refused, and good again

sub each_kind {
    my ($what, $token, %entry) = @_;

    decided by_token($token), 'ok', "$what: before";

    my $answer = decided by_token($token), 'ok', "$what: before, again";
    is(fields($answer, 'Cache'), 'hit', "$what: its verdict is cached");

    my $other = own_token($as, sub => 'other', client_id => 'other');

    decided by_token($other), 'ok', "$what: another";

    revocation('revoke', 'logs/state', %entry);

    decided by_token($token), 'token_revoked', "$what: revoked";
    decided by_token($token), 'token_revoked', "$what: and on";

    return $other;
}


sub undone {
    my ($what, $token, $other, %entry) = @_;

    decided by_token($other), 'ok', "$what: another is not meant";
    delete @entry{qw/ before expires note /};
    revocation('unrevoke', 'logs/state', %entry);
    decided by_token($token), 'ok', "$what: taken back";
}


run_tests();

__DATA__

=== TEST 1: keys
--- keys
alpha
beta agent=alpha
gamma state=suspended
--- http_config
    agent_revocations zone=revocations:1m state=logs/state;
{{own()}}
--- run
my %alpha = (kind => 'key', value => key_id('alpha'));

decided by_key('alpha'), 'ok', 'good';

revocation('revoke', 'logs/state', %alpha, note => 'leaked');
decided by_key('alpha'), 'key_revoked', 'revoked';
decided by_key('beta'), 'ok', 'another key of the agent';

revocation('suspend', 'logs/state', %alpha);
revocation('resume', 'logs/state', %alpha);
decided by_key('alpha'), 'key_revoked', 'to resume it is not enough';

my $answer = decided by_key('alpha', '/o'), 'key_revoked', 'observe',
    result => 'would_deny';
is(fields($answer, 'Who'), 'alpha', 'whose it is stays known');

revocation('unrevoke', 'logs/state', %alpha);
decided by_key('alpha'), 'ok', 'taken back';

revocation('suspend', 'logs/state', %alpha);
decided by_key('alpha'), 'key_suspended', 'suspended';

revocation('unrevoke', 'logs/state', %alpha);
decided by_key('alpha'), 'key_suspended', 'that is not taken back by this';

revocation('resume', 'logs/state', %alpha);
decided by_key('alpha'), 'ok', 'resumed';

decided by_key('gamma'), 'key_suspended', 'suspended in the file';
revocation('resume', 'logs/state', kind => 'key', value => key_id('gamma'));
decided by_key('gamma'), 'key_suspended', 'stays so';

revocation('revoke', 'logs/state', kind => 'agent', value => 'alpha');
decided by_key($_), 'key_revoked', "$_, all of an agent" for qw/ alpha beta /;
revocation('unrevoke', 'logs/state', kind => 'agent', value => 'alpha');

# a key says nowhere when it was issued

revocation('revoke', 'logs/state', kind => 'agent', value => 'alpha',
    before => '2020-01-01T00:00:00Z');
decided by_key('beta'), 'key_revoked', 'all of an agent before a time';
revocation('unrevoke', 'logs/state', kind => 'agent', value => 'alpha');
decided by_key('beta'), 'ok', 'taken back';



=== TEST 2: each kind, of tokens
--- keys
alpha
--- http_config
    agent_revocations zone=revocations:1m state=logs/state;
{{own()}}
--- run
$runs++;

my $issuer = own_issuer();
my $jti = "jti-$$-$runs";
my $token = own_token($as, jti => $jti, sub => "s$runs", client_id => "c$runs");

for my $entry (
    { kind => 'token', value => Digest::SHA::sha256_hex($token) },
    { kind => 'jti', issuer => $issuer, value => $jti },
    { kind => 'subject', issuer => $issuer, value => "s$runs" },
    { kind => 'client', issuer => $issuer, value => "c$runs" },
    { kind => 'agent', value => "c$runs" },
) {
    my $other = each_kind($entry->{kind}, $token, %$entry);
    undone($entry->{kind}, $token, $other, %$entry);
}

my $thumbprint = $as->thumbprint($as->dir . '/agent-es256.key');

for my $entry (
    { kind => 'issuer', value => $issuer },
    { kind => 'kid', issuer => $issuer, value => 'es256' },
    { kind => 'jwk', value => $thumbprint },
) {
    my $other = each_kind($entry->{kind}, $token, %$entry);
    decided by_token($other), 'token_revoked', "$entry->{kind}: all others";
    revocation('unrevoke', 'logs/state', %$entry);
    decided by_token($token), 'ok', "$entry->{kind}: taken back";
}

# of another issuer

revocation('revoke', 'logs/state', kind => 'subject', issuer => 'https://no.test',
    value => "s$runs");
decided by_token($token), 'ok', 'the subject of another issuer';

# a token that is bound to a certificate

my $x5t = MIME::Base64::encode_base64url(Digest::SHA::sha256("c$runs"));
my $bound = own_token($as, cnf => { 'x5t#S256' => $x5t });

decided by_token($bound), 'binding_missing', 'it must show its certificate';
revocation('revoke', 'logs/state', kind => 'certificate', value => $x5t);
decided by_token($bound), 'token_revoked', 'which is revoked';



=== TEST 3: issued before
--- keys
alpha
--- http_config
    agent_revocations zone=revocations:1m state=logs/state;
{{own()}}
--- run
$runs++;

my $now = time;
my %entry = (kind => 'subject', issuer => own_issuer(), value => "b$runs");

my $early = own_token($as, sub => "b$runs", iat => $now - 100);
my $late = own_token($as, sub => "b$runs", iat => $now - 50);

decided by_token($_), 'ok', 'good' for $early, $late;

revocation('revoke', 'logs/state', %entry, before => iso($now - 50));

decided by_token($early), 'token_revoked', 'issued before';
decided by_token($late), 'ok', 'issued at that time';

revocation('revoke', 'logs/state', %entry, before => iso($now - 80));
decided by_token($early), 'token_revoked', 'an earlier time takes nothing back';
decided by_token($late), 'ok', 'nor adds to it';

revocation('revoke', 'logs/state', %entry, before => iso($now - 49));
decided by_token($late), 'token_revoked', 'a later time does';

my $new = own_token($as, sub => "b$runs", iat => $now);
decided by_token($new), 'ok', 'a new token is good';

revocation('revoke', 'logs/state', %entry);
decided by_token($new), 'token_revoked', 'whenever it was issued';
revocation('unrevoke', 'logs/state', %entry);
decided by_token($early), 'ok', 'all is taken back';

# it may be forgotten at once

revocation('revoke', 'logs/state', %entry, expires => iso($now - 1));
decided by_token($early), 'ok', 'one that expired';



=== TEST 4: a token that does not say when it was issued
--- keys
alpha
--- http_config
    agent_revocations zone=revocations:1m state=logs/state;
{{opaque()}}
--- run
$runs++;

my $token = planted("CANARY-no-iat-$$-$runs");

$as->fault(path => 'introspection', status => 200, body => '{"active":true,'
    . '"aud":"https://api.test/a","client_id":"agent-basic","sub":"s"}');

decided by_token($token), 'ok', 'good';
is(fields(decided(by_token($token), 'ok', 'again'), 'Cache'), 'hit', 'cached');

# the answer names no issuer: it is the provider's

my %entry = (kind => 'client', issuer => $as->issuer, value => 'agent-basic');

revocation('revoke', 'logs/state', %entry, before => '2020-01-01T00:00:00Z');
decided by_token($token), 'token_revoked', 'it may be from before any time';
revocation('unrevoke', 'logs/state', %entry);
decided by_token($token), 'ok', 'taken back';
