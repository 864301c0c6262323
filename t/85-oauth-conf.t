# What nginx -t says of providers, their cache and audiences.  Without this a
# mistake would be found by clients, or never: a secret shown to the wrong
# server, a token meant for another service that passes.
#
# requirements.md, I-02, O-01

use lib 't/lib';
use AgentAuth;

my %good = (
    issuer                 => 'http://127.0.0.1:1',
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


# a private key beside the configuration

sub pem {
    my ($name, @options) = @_;

    system('openssl', 'genpkey', '-quiet', '-out', conf_file($name), @options)
        == 0 or die "openssl genpkey\n";

    return $name;
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
    [ issuer => '"a b"' ], [ client_id => '""' ], [ client_key_id => '""' ],
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
    refuses(block(metadata_uri => $value, verify => 'introspection'),
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

refuses(block(metadata_uri => 'off', introspection_endpoint => undef,
    verify => 'jwt'), 'must have "jwks_uri", as "metadata_uri" is off');

# J-01, J-02: what signed answers need

refuses(block(introspection_response => 'jwt', metadata_uri => 'off'),
    'must have "jwks_uri", as "metadata_uri" is off');
refuses(block(introspection_response => 'jwt', metadata_uri => 'off',
    introspection_endpoint => undef, jwks_uri => 'http://127.0.0.1:1/'),
    'must have "introspection_endpoint", as "metadata_uri" is off');
refuses(block(introspection_response => 'jwt', verify => 'jwt'),
    'both "introspection_response jwt" and "verify jwt"');
refuses(block(introspection_response => 'jwt', client_auth => 'bearer',
    client_id => undef), 'must have "client_id" for "introspection_response');

for my $more ([], [ verify => 'introspection' ],
    [ metadata_uri => 'off', jwks_uri => 'http://127.0.0.1:1/' ])
{
    my ($status, $output) = try_conf(block(introspection_response => 'jwt',
        @$more));
    is($status, 0, "introspection_response jwt, @$more") or diag $output;
}

for ([ verify => 'both' ], [ introspection_response => 'JWT' ], [ token_type => 'JWT' ], [ leeway => 'much' ],
    [ algorithms => 'none' ], [ algorithms => 'RS256 RS1' ],
    [ algorithms => 'es256' ])
{
    my ($name, $value) = @$_;
    my $bad = (split ' ', $value)[-1];

    refuses(block($name => $value), "invalid value \"$bad\" of \"$name\" in"
        . ' "agent_oauth_provider"', "$name $value;");
}

for my $value ('ftp://x/', 'x') {
    refuses(block(jwks_uri => $value), "invalid value \"$value\" of"
        . ' "jwks_uri" in "agent_oauth_provider"');
}

refuses(block(algorithms => 'ES256 HS256'), 'need "jwks_file"');
refuses(block(jwks_uri => 'http://127.0.0.1:1/', jwks_file => 'keys'),
    'both "jwks_uri" and "jwks_file"');
refuses(block(jwks_file => 'nothing'), 'nothing" of "jwks_file"');

for my $keys ('', 'x', '[]', '{}', '{"keys":[]}', '{"keys":[{"kty":"x"}]}') {
    AgentAuth::write_file('keys', $keys);
    refuses(block(jwks_file => 'keys'), 'keys" of "jwks_file"');
}

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

refuses(block(client_auth => 'tls_client_auth'),
    'must have "client_certificate"');

# a key that cannot sign (I-02); its text and that of secrets is not shown

my @rsa = qw/ -algorithm RSA -pkeyopt /;
my @ec = qw/ -algorithm EC -pkeyopt /;
my $signs = 'the key must be of RSA or of the curve P-256';

AgentAuth::write_file('empty', '');
AgentAuth::write_file('line', "\n");
AgentAuth::write_file('nul', "CANARY\0secret");
AgentAuth::write_file('large', 'CANARY' x 1000);
AgentAuth::write_file('huge', 'CANARY' x 10000);

for (
    [ pem('rsa', @rsa, 'rsa_keygen_bits:2048'), undef ],
    [ pem('p256', @ec, 'ec_paramgen_curve:P-256'), undef ],
    [ pem('small', @rsa, 'rsa_keygen_bits:1024'),
      'an RSA key of 1024 bits: it must be 2048 to 4096' ],
    [ pem('p384', @ec, 'ec_paramgen_curve:P-384'), $signs ],
    [ pem('ed', qw/ -algorithm ED25519 /), $signs ],
    [ pem('locked', qw/ -aes128 -pass pass:CANARY /, @ec,
          'ec_paramgen_curve:P-256'),
      'the key is encrypted, and there is nobody to ask for its passphrase' ],
    [ 'secret', 'it has no private key in PEM' ],
    [ 'nul', 'it has no private key in PEM' ],
    [ 'empty', 'it must be 1 to 16384 octets' ],
    [ 'huge', 'it must be 1 to 16384 octets' ],
    [ '../conf', 'read() failed (21: Is a directory)' ],
    [ 'nothing', 'open() failed (2: No such file or directory)' ],
) {
    my ($file, $why) = @$_;
    my $conf = block(client_auth => 'private_key_jwt',
        client_secret_file => undef, client_key_file => $file);

    my ($status, $output) = try_conf($conf);

    is($status, defined $why ? 1 : 0, "$file: status") or diag $output;
    unlike($output, qr/CANARY|PRIVATE/, "$file: nothing is shown");
    refuses($conf, 'invalid value "' . conf_file($file)
        . qq(" of "client_key_file" in "agent_oauth_provider": $why))
        if defined $why;
}

for (
    [ 'empty', 'it must be 1 to 4096 octets' ],
    [ 'line', 'it must be 1 to 4096 octets' ],
    [ 'large', 'it must be 1 to 4096 octets' ],
    [ 'nul', 'it must have no control characters but a line feed at its end' ],
    [ '../conf', 'read() failed (21: Is a directory)' ],
    [ 'nothing', 'open() failed (2: No such file or directory)' ],
) {
    my ($file, $why) = @$_;

    refuses(block(client_secret_file => $file), 'invalid value "'
        . conf_file($file) . '" of "client_secret_file" in'
        . qq( "agent_oauth_provider": $why));
}

system('mkfifo', conf_file('fifo')) == 0 or die 'mkfifo';
refuses(block(client_secret_file => 'fifo'), 'it must be 1 to 4096 octets');
unlink conf_file('fifo');

refuses(block(client_auth => 'private_key_jwt'),
    'must have "client_key_file"');
refuses(block(client_auth => 'private_key_jwt', client_key_file => 'p256',
    client_id => undef), 'must have "client_id"');

refuses(block(colour => 'red'), 'unknown parameter "colour"', 'colour red');
refuses(block(issuer => 'a b'), 'invalid number of values of "issuer"',
    'issuer a b');
refuses(block() . block(), 'duplicate provider "p"');



=== TEST 2: a secret that everyone may read (T-03)
--- config
    location /t { empty_gif; }
--- run
AgentAuth::write_file('secret', "CANARYsecret\n");
pem('key', qw/ -algorithm EC -pkeyopt ec_paramgen_curve:P-256 /);

my $key = block(client_auth => 'private_key_jwt',
    client_secret_file => undef, client_key_file => 'key');

for (
    [ 'client_secret_file', 'secret', block() ],
    [ 'client_key_file', 'key', $key ],
    [ 'client_secret_file', 'secret',       # which is not used
      $key =~ s/\}/client_secret_file secret;\n}/r ],
) {
    my ($name, $file, $conf) = @$_;
    my ($path, $place) = (conf_file($file), try_path());

    for my $mode (0600, 0640, 0644, 0604) {
        chmod $mode, $path or die "$path: $!\n";

        my ($status, $output) = try_conf($conf);
        my $said = qq(agent_auth: "$name" "$path" is readable by everyone,)
            . qq( do "chmod o-rwx" and make a new one in $place:);

        is($status, 0, sprintf '%s %o: goes on', $file, $mode);

        $mode & 04 ? like($output, qr/\[warn\] \Q$said\E\d+$/m, 'says so')
            : unlike($output, qr/by everyone/, 'has nothing to say');
    }

    chmod 0640, $path;
}



=== TEST 3: where tokens are accepted
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
    'method "oauth=p" in "agent_auth" beside another provider',
    'oauth oauth=p');
refuses(block() . location('agent_auth oauth=p oauth=p; agent_audience x;'),
    'duplicate method "oauth=p" in "agent_auth"', 'oauth=p oauth=p');
refuses(block() . (block() =~ s/provider p/provider q/r)
    . location('agent_auth oauth=p oauth=q; agent_audience x;'),
    'providers "p" and "q" in "agent_auth" have the same issuer',
    'oauth=p oauth=q');
refuses(block() . location("$on agent_audience x; agent_audience y;"),
    '"agent_audience" directive is duplicate', 'agent_audience');

for my $value ('zone=x', 'zone=x:1k', 'zone=x:y', 'zone=:1m',
    'zone=x:1m entry=1', 'zone=x:1m entry=x', 'size=1m')
{
    refuses("agent_token_cache $value;", 'agent_token_cache',
        "agent_token_cache $value;");
}



=== TEST 4: what works, and is warned about (I-02, I-03)
--- config
    location /t { empty_gif; }
--- run
AgentAuth::write_file('secret', "CANARYsecret\n");

my $plain = 'provider "p" is asked without TLS';
my $probe = '"client_auth none": provider "p" lets anybody probe tokens';
my $verify = '"ssl_verify off": anybody on the way to provider "p"';

for (
    [ '', 'https://192.0.2.1/i' ], [ '', 'http://127.0.0.1/i' ],
    [ '', 'http://[::1]/i' ], [ '', 'http://localhost/i' ],
    [ '', 'http://unix:/x:/i' ],
    [ $plain, 'http://as.test/i' ], [ $plain, 'http://192.0.2.1/i' ],
    [ $plain, 'http://10.0.0.1/i' ], [ $plain, 'http://[2001:db8::1]/i' ],
    [ $probe, 'https://192.0.2.1/i', client_auth => 'none' ],
    [ $verify, 'https://192.0.2.1/i', ssl_verify => 'off' ],
) {
    my ($warning, $endpoint, @other) = @$_;
    my ($status, $output) = try_conf("resolver 127.0.0.1;\n"
        . block(introspection_endpoint => $endpoint, @other));
    my @said = $output =~ /\[warn\] .*?agent_auth: (.*)/g;

    is($status, 0, "$endpoint @other - works") or diag $output;
    is(scalar @said, $warning ne '' ? 1 : 0, "$endpoint @other - warnings");
    is(substr($said[0] // '', 0, length $warning), $warning,
        "$endpoint @other - which one");
}
