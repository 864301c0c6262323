# How we show an authorization server who asks.  Without this a server would
# refuse our calls, or a secret would be sent where it does not belong, or end
# up in a log.
#
# requirements.md, I-04; RFC 6749, 2.3.1; RFC 8705, 2

use lib 't/lib';
use AgentAuth;
use AgentAS;

use MIME::Base64 qw/ decode_base64 /;

our $as = AgentAS->start(faults => 1, tls => 1);

# the faults show no certificate to the server behind them
our $direct = AgentAS->start(tls => 1);

config_preamble(verdict_fields());

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
