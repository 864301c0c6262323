# What nginx -t says of providers, their cache and audiences.  Without this a
# mistake would be found by clients, or never: a secret shown to the wrong
# server, a token meant for another service that passes.
#
# requirements.md, O-01

use lib 't/lib';
use AgentAuth;

my %good = (
    issuer                 => 'https://as.test',
    introspection_endpoint => 'http://127.0.0.1:1/i',
    client_id              => 'c',
    client_secret_file     => 'secret',
);


# a provider with these members, each on its line, undef: without

sub block {
    my (%member) = @_;

    %member = (%good, %member);

    return "agent_oauth_provider p {\n" . join('', map {
        "$_ $member{$_};\n" } grep { defined $member{$_} } sort keys %member)
        . "}\n";
}


sub location {
    return "server { listen 127.0.0.1:1; location / {\n$_[0]\n} }\n";
}


# the message and, as "file:line", where the text stands in the configuration

sub refuses {
    my ($http, $message, $at) = @_;

    my ($status, $output) = try_conf($http);
    my $path = try_path();
    my $line = 0;

    if (defined $at) {
        open my $in, '<', $path;
        while (<$in>) { $line = $., last if index($_, $at) >= 0 }
    }

    (my $what = $http) =~ s/\s+/ /g;
    $what = $at // $what;

    isnt($status, 0, "$what - is refused");
    like($output, qr/\[emerg\].*\Q$message\E/, "$what - says why");
    like($output, qr/ in \Q$path\E:$line\b/, "$what - and where") if $line;
}


run_tests();

__DATA__

=== TEST 1: members of a provider
--- config
    location /t { empty_gif; }
--- run
AgentAuth::write_file('secret', "CANARYsecret\n");

my ($status, $output) = try_conf(block());
is($status, 0, 'what is good') or diag $output;

for (
    [ max_ttl => 'soon' ], [ max_ttl => '-1s' ], [ negative_ttl => '1x' ],
    [ stale_if_error => '""' ], [ timeout => 'never' ],
    [ max_pending => 'many' ], [ max_pending => '-1' ], [ keepalive => 'on' ],
    [ miss_rate => '5' ], [ miss_rate => '0/s' ], [ miss_rate => '5/h' ],
    [ ssl_verify => 'yes' ], [ client_auth => 'password' ],
    [ issuer => '"a b"' ], [ client_id => '""' ],
) {
    my ($name, $value) = @$_;
    my $bare = $value =~ tr/"//dr;

    refuses(block($name => $value), "invalid value \"$bare\" of \"$name\" in "
        . '"agent_oauth_provider"', "$name $value;");
}

for my $value ('failures=0', 'failures=x', 'cooldown=0', 'cooldown=x', 'x=1') {
    refuses(block(breaker => $value), "invalid parameter \"$value\" of"
        . ' "breaker" in "agent_oauth_provider"', "breaker $value;");
}

for my $value ('ftp://x/', 'https://', 'http://u@h/', 'http://h/#f',
    'http://h:0/', 'http://h:99999/', 'x')
{
    refuses(block(introspection_endpoint => $value), "invalid value \"$value\""
        . ' of "introspection_endpoint" in "agent_oauth_provider"');
}

for my $value ('ftp://x/', 'https://', 'http://u@h/', 'nonsense') {
    refuses(block(metadata_uri => $value, introspection_endpoint => undef),
        "invalid value \"$value\" of \"metadata_uri\" in"
        . ' "agent_oauth_provider"');
}

for my $value ('urn:x', 'https://h/?q', 'https://h/#f') {
    refuses(block(issuer => $value, introspection_endpoint => undef),
        'is no URL that metadata could be found by');
}

refuses(block(issuer => 'https://u@h', introspection_endpoint => undef),
    'of "issuer" in "agent_oauth_provider"');
refuses(block(metadata_uri => 'off', introspection_endpoint => undef),
    'must have "introspection_endpoint"');
refuses(block(metadata_uri => 'off; metadata_uri off'),
    'duplicate "metadata_uri" in "agent_oauth_provider"', 'metadata_uri');

for my $metadata ('off', 'http://127.0.0.1:1/m') {
    my ($status, $output) = try_conf(block(metadata_uri => $metadata));
    is($status, 0, "metadata_uri $metadata is good") or diag $output;
}

my ($discovered, $said) = try_conf(block(introspection_endpoint => undef,
    issuer => 'http://127.0.0.1:1/x'));
is($discovered, 0, 'the issuer suffices') or diag $said;

for my $name (sort keys %good) {
    refuses(block($name => undef), "must have \"$name\"")
        unless $name eq 'introspection_endpoint';
    refuses(block($name => "$good{$name}; $name $good{$name}"),
        "duplicate \"$name\" in \"agent_oauth_provider\"", "$name ");
}

refuses(block(client_secret_file => 'nothing'), 'invalid value');
refuses(block(client_auth => 'tls_client_auth'),
    'must have "client_certificate"');
refuses(block(colour => 'red'), 'unknown parameter "colour"', 'colour red');
refuses(block(issuer => 'a b'), 'invalid number of values of "issuer"',
    'issuer a b');
refuses(block() . block(), 'duplicate provider "p"');



=== TEST 2: where tokens are accepted
--- config
    location /t { empty_gif; }
--- run
AgentAuth::write_file('secret', "CANARYsecret\n");

my $on = "agent_auth oauth;";

refuses(location("$on agent_audience x;"), '"agent_auth oauth"', $on);
refuses(block() . location($on), 'needs "agent_audience"', $on);
refuses(block() . location('agent_auth oauth=q; agent_audience x;'),
    'unknown provider "q" in "agent_auth"', 'oauth=q');
refuses(block() . (block() =~ s/provider p/provider q/r)
    . location("$on agent_audience x;"), 'must name its provider', $on);
refuses(block() . location('agent_auth oauth oauth=p; agent_audience x;'),
    'tokens are shown to one provider only', 'oauth oauth=p');
refuses(block() . location("$on agent_audience x; agent_audience y;"),
    '"agent_audience" directive is duplicate', 'agent_audience');

for my $value ('zone=x', 'zone=x:1k', 'zone=x:y', 'zone=:1m',
    'zone=x:1m entry=1', 'zone=x:1m entry=x', 'size=1m')
{
    refuses("agent_token_cache $value;", 'agent_token_cache',
        "agent_token_cache $value;");
}
