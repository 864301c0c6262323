# How we show an authorization server who asks.  Without this a server would
# refuse our calls, or a secret would be sent where it does not belong, or end
# up in a log.
#
# requirements.md, I-02, I-08; RFC 6749, 2.3.1; RFC 7523, 2.2 and 3; RFC 8705, 2

use lib 't/lib';
use AgentAuth;
use AgentAS;

use MIME::Base64 qw/ decode_base64 /;

our $as = AgentAS->start(faults => 1, tls => 1);

# the faults show no certificate to the server behind them
our $direct = AgentAS->start(tls => 1);

config_preamble(verdict_fields());

our %told;
my $providers = 0;

sub provider_of {
    my ($of, $name, @rest) = @_;

    return $of->provider('c' . ++$providers, as => $name, @rest);
}


sub provider {
    return provider_of($as, @_);
}


sub certificate {
    my ($cert, $key) = $as->cert($_[0]);

    return client_auth => 'tls_client_auth', client_certificate => $cert,
        client_key_file => $key;
}


# whose key it is to be, if not the client's own

sub signing {
    my ($client, $other, @rest) = @_;

    return provider($client, client_auth => 'private_key_jwt',
        client_key_file => $as->dir . '/' . ($other // "$client.key"), @rest);
}


# a key that is put at the same place: NAME of NAME.key, undef: this text

sub put_key {
    my ($name, $text, $mode) = @_;

    if (defined $name) {
        open my $in, '<', $as->dir . "/$name.key" or die $!;
        local $/;
        $text = <$in>;
    }

    AgentAuth::write_file($as->dir . '/other.key', $text, $mode);

    return '';
}


# header and claims of the assertion that the server saw

sub asserted {
    my ($seen) = @_;

    my ($type, $assertion) = $seen->{body}
        =~ /&client_assertion_type=([^&]*)&client_assertion=([^&]*)$/;

    is(decoded($type // ''),
        'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', 'its type');

    return $as->decoded($assertion // 'e30.e30.');
}


sub secret {
    AgentAuth::write_file($as->dir . '/other.secret', "$_[0]\n");

    return '';
}


sub decoded {
    return $_[0] =~ tr/+/ /r =~ s/%(..)/chr hex $1/egr;
}


# a token is admitted; the request for it, as the server saw it

sub shown {
    my ($what, $of) = @_;

    $of //= $as;

    my $token = $of->token('agent-basic', scope => 'invoices:read',
        resource => 'https://api.test/a');

    $of->reset;
    decided(ask('GET /t', Authorization => "Bearer $token"), 'ok', $what);

    return if $of == $direct;

    my ($seen) = $as->seen;

    return $seen;
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: client_secret_basic
--- http_config
{{provider('gate-basic')}}
--- run
my $seen = shown('basic');

is(decode_base64($seen->{headers}{authorization} =~ s/^Basic //r),
    'gate-basic:secret-of-gate-basic', 'in the header');
unlike($seen->{body}, qr/client_|secret/, 'and not in the body');



=== TEST 2: what is form-encoded before it is joined
--- http_config
{{provider('gate-odd')}}
--- run
my $seen = shown('odd');
my ($id, $secret) = split /:/,
    decode_base64($seen->{headers}{authorization} =~ s/^Basic //r), 2;

unlike("$id$secret", qr/[^\w.~*%+-]/, 'octets that need no more encoding');
is(decoded($id), $as->client_id('gate-odd'), 'id');
is(decoded($secret), $as->secret('gate-odd'), 'secret');


=== TEST 3: client_secret_post
--- http_config
{{provider('gate-post', client_auth => 'client_secret_post')}}
--- run
my $seen = shown('post');

ok(!exists $seen->{headers}{authorization}, 'not in the header');
like($seen->{body}, qr/&client_id=gate-post&client_secret=secret-of-gate-post$/,
    'in the body');



=== TEST 4: bearer
--- http_config
{{provider('gate-bearer', client_auth => 'bearer')}}
--- run
my $seen = shown('bearer');

is($seen->{headers}{authorization}, 'Bearer secret-of-gate-bearer', 'header');
unlike($seen->{body}, qr/client_|secret/, 'and nothing in the body');



=== TEST 5: a self-signed certificate
--- http_config
{{provider_of($main::direct, 'gate-self', certificate('gate-self'))}}
--- run
shown('self', $direct);



=== TEST 6: a certificate of the CA
--- http_config
{{provider_of($main::direct, 'gate-tls', certificate('gate-tls'))}}
--- run
shown('tls', $direct);



=== TEST 7: none
--- http_config
{{provider('gate-none', client_auth => 'none', client_id => undef)}}
--- run
$as->reset;
$as->scripted('introspection', '{"active":true,"aud":"https://api.test/a"}');
decided ask('GET /t', Authorization => 'Bearer ' . planted("CANARYnone$$"
    . time)), 'ok', 'none';

my ($seen) = $as->seen;

ok(!exists $seen->{headers}{authorization}, 'not in the header');
unlike($seen->{body}, qr/client_|secret/, 'nor in the body');
$as->clear;



=== TEST 8: a secret is read anew when it changes
--- http_config
{{secret('secret-of-gate-basic')}}
{{provider('gate-basic', client_secret_file => $main::as->dir . '/other.secret')}}
--- run
shown('the first secret');
secret('CANARYwrong');

my $token = $as->token('agent-basic', scope => 'invoices:read',
    resource => 'https://api.test/a');
decided ask('GET /t', Authorization => "Bearer $token"),
    'provider_refused_client', 'a wrong one';

secret('secret-of-gate-basic');
decided ask('GET /t', Authorization => "Bearer $token"), 'ok', 'the right one';
--- serious
1 refuses our own credentials with status 401
--- no_error_log
secret-of-gate
CANARYwrong



=== TEST 9: private_key_jwt, RS256 (I-02)
--- http_config
{{signing('gate-rs256')}}
--- run
my $seen = shown('rs256');
my ($header, $claims) = asserted($seen);
my $now = time;

ok(!exists $seen->{headers}{authorization}, 'nothing in the header');
like($seen->{body}, qr/&client_id=gate-rs256&client_assertion_type=/,
    'who, and then the proof');
is($header->{alg}, 'RS256', 'alg');
ok(!exists $header->{kid}, 'no key id unless one is set');
is($claims->{$_}, 'gate-rs256', $_) for qw/ iss sub /;
is($claims->{aud}, $as->issuer, 'for the issuer');
is($claims->{exp} - $claims->{iat}, 60, 'good for a minute');
cmp_ok(abs($claims->{iat} - $now), '<', 10, 'from now on');



=== TEST 10: private_key_jwt, ES256, and no assertion twice
--- http_config
{{signing('gate-es256')}}
--- run
my %seen;

for (1 .. 5) {
    my ($header, $claims) = asserted(shown("es256 $_"));

    is($header->{alg}, 'ES256', 'alg');
    $seen{$claims->{jti}}++;
}

is(scalar keys %seen, 5, 'each has an id of its own');



=== TEST 11: the key of another client
--- http_config
{{signing('gate-rs256', 'agent-rs256.key')}}
--- run
for (1 .. 2) {
    my $token = $as->token('agent-basic', scope => 'invoices:read',
        resource => 'https://api.test/a');
    decided ask('GET /t', Authorization => "Bearer $token"),
        'provider_refused_client', "refused $_";
}
--- serious
1 refuses our own credentials with status 401



=== TEST 12: a key is read anew when it changes, also one of another type
--- http_config
{{put_key('gate-es256')}}
{{signing('gate-es256', 'other.key')}}
--- run
log_mark();
shown('the first key');

my $token = $as->token('agent-basic', scope => 'invoices:read',
    resource => 'https://api.test/a');

for my $case (
    [ 'agent-es256', undef, 'provider_refused_client' ],
    [ 'gate-rs256', undef, 'provider_refused_client' ],
    [ undef, "CANARYnokey\n", 'internal_error' ],
) {
    my ($name, $text, $reason) = @$case;

    put_key($name, $text);
    decided ask('GET /t', Authorization => "Bearer $token"), $reason,
        $name // 'no key';
}

unlink $as->dir . '/other.key';
decided ask('GET /t', Authorization => "Bearer $token"), 'internal_error',
    'no file';

put_key('gate-es256');
decided ask('GET /t', Authorization => "Bearer $token"), 'ok',
    'the first one again';

# each is said once a minute

if (!$main::told{changed}++) {
    said qr/is of no use: it has no private key in PEM/;
    said qr/is of no use: open\(\) failed \(2: No such file or directory\)/;
}
--- serious
1 refuses our own credentials with status 401
--- no_error_log
PRIVATE KEY
CANARYnokey



=== TEST 13: a key id: the thumbprint of the key (RFC 7638)
--- http_config
{{signing('gate-es256', undef, client_key_id => 'thumbprint')}}
--- run
my ($header) = asserted(shown('thumbprint'));

is($header->{kid}, $as->thumbprint($as->dir . '/gate-es256.key'), 'kid');



=== TEST 14: a key id: a text
--- http_config
{{signing('gate-rs256', undef, client_key_id => '"key of gate-rs256"')}}
--- run
my ($header) = asserted(shown('text'));

is($header->{kid}, 'key of gate-rs256', 'kid');



=== TEST 15: a key id that the server does not know
--- http_config
{{signing('gate-rs256', undef, client_key_id => 'thumbprint')}}
--- run
my $token = $as->token('agent-basic', scope => 'invoices:read',
    resource => 'https://api.test/a');
decided ask('GET /t', Authorization => "Bearer $token"),
    'provider_refused_client', 'refused';
--- serious
1 refuses our own credentials with status 401



=== TEST 16: a key for root's eyes: that which the master has read
--- http_config
{{put_key('gate-es256', undef, 0600)}}
{{signing('gate-es256', 'other.key')}}
--- run
SKIP: {
    skip 'the master is the workers\' user', 1 if $> != 0;

    shown('read by the master');

    put_key('agent-es256', undef, 0600);
    shown('and not again');

    put_key('agent-es256');

    my $token = $as->token('agent-basic', scope => 'invoices:read',
        resource => 'https://api.test/a');
    decided ask('GET /t', Authorization => "Bearer $token"),
        'provider_refused_client', 'until the workers may';

    # for what repeats this
    put_key('gate-es256', undef, 0600);
}
--- serious
1 refuses our own credentials with status 401



=== TEST 17: a file that is of no use is told once a minute
--- http_config
{{put_key('gate-es256')}}
{{signing('gate-es256', 'other.key')}}
--- run
log_mark();

for my $case ([ sub { unlink $as->dir . '/other.key' }, 'open\(\) failed' ],
    [ sub { put_key(undef, "none\n") }, 'it has no private key' ])
{
    my ($break, $why) = @$case;

    $break->();

    for my $n (1 .. 4) {
        my $token = $as->token('agent-basic', scope => 'invoices:read',
            resource => 'https://api.test/a');
        decided ask('GET /t', Authorization => "Bearer $token"),
            'internal_error', "$why - $n";
    }

    cmp_ok(scalar(grep { /is of no use: $why/ } error_lines()), '<=', 1,
        "$why - said once");
    is($main::told{$why}++ ? 1
        : scalar(grep { /is of no use: $why/ } error_lines()), 1,
        "$why - and said");
}

put_key('gate-es256');
