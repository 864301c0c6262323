# A mistake in the configuration is told with the directive, the file, the line
# and what is wrong.  Without this a typo would leave a location open, or cost
# whoever made it an evening.
#
# B-09; issue: "nginx -t explains each mistake"

use lib 't/lib';
use AgentAuth;

# nginx -t begins anew for each: nothing would differ the second time

repeat_each(1);

our %tested;


# Whether nginx -t refuses the text of http{} with this message, naming the
# line that ends in "# fault".

sub mistake {
    my ($what, $text, $message) = @_;

    $text = "agent_audit off;\n$text" if $text !~ /agent_audit/;

    my ($status, $output) = try_conf($text);
    my $place = try_path() . ':' . line_of(qr/# fault$/);
    my ($said) = grep { /\[emerg\]/ && index($_, $message) >= 0 }
        split /\n/, $output;

    is($status, 1, "$what: refused");
    ok(defined $said, "$what: $message") or diag $output;
    like($said // '', qr/ in \Q$place\E(?:$|[:;])/, "$what: says where");

    # nginx itself does not name it when it compiles a parameter
    my ($directive) = $text =~ /\b(agent_\w+)[^\n]*# fault/;
    like($said // '', qr/\b$directive\b/, "$what: names $directive")
        if $message !~ /^the closing bracket/;

    $tested{$directive}++;
}


sub line_of {
    my ($pattern) = @_;

    open my $in, '<', try_path() or die $!;

    while (my $line = <$in>) {
        return $. if $line =~ $pattern;
    }

    return 'none';
}


# the same within a location, beside what makes it a guarded one

sub in_location {
    my ($what, $text, $message, $more) = @_;

    mistake($what, zone() . ($more // '') . "server {\nlisten "
        . port(5) . ";\nlocation /t {\nagent_auth key;\n$text\n}\n}",
        $message);
}


sub fine {
    my ($what, $text, $more) = @_;

    my ($status, $output) = try_conf(zone() . ($more // '')
        . "agent_audit logs/try-audit.log;\nserver {\nlisten " . port(5)
        . ";\nlocation /t {\nagent_auth key;\n$text\n}\n}");

    is($status, 0, "$what: fine") or diag $output;
    unlike($output, qr/\[(?:warn|error|emerg)\]/, "$what: nothing is said");
}


sub zone {
    return "agent_key_zone zone=keys:1m file=keys.jsonl;\n";
}


run_tests();

__DATA__

=== TEST 1: agent_auth
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $zone = zone();
my $server = "server {\nlisten " . port(5) . ";\n";

mistake 'no value', "$zone agent_auth;  # fault",
    'invalid number of arguments in "agent_auth" directive';
mistake 'a typo', "$zone agent_auth keys;  # fault",
    'invalid parameter "keys" in "agent_auth", expected "off",'
    . ' "oauth[=provider]" or "key[=zone]"';
mistake 'on', "$zone agent_auth on;  # fault",
    'invalid parameter "on" in "agent_auth"';
mistake 'upper case', "$zone agent_auth KEY;  # fault",
    'invalid parameter "KEY" in "agent_auth"';
mistake 'an empty zone', "$zone agent_auth key=;  # fault",
    'invalid parameter "key=" in "agent_auth"';
mistake 'twice the same method', "$zone agent_auth key key=keys;  # fault",
    'duplicate method "key=keys" in "agent_auth"';
mistake 'off and a method', "$zone agent_auth off key;  # fault",
    'invalid parameter "off" in "agent_auth"';
mistake 'a method and off', "$zone agent_auth key off;  # fault",
    'invalid parameter "off" in "agent_auth"';
mistake 'twice', "$zone agent_auth key;\nagent_auth off;  # fault",
    '"agent_auth" directive is duplicate';
mistake 'no zone', "$server agent_auth key;  # fault\n}",
    '"agent_auth key" needs a zone, define one with "agent_key_zone" in http';
mistake 'another zone', "$zone$server agent_auth key=other;  # fault\n}",
    'unknown zone "other" in "agent_auth", define it with "agent_key_zone" in'
    . ' http';
mistake 'one of two zones', "$zone$server location / {\n"
    . "agent_auth key;  # fault\n}\n}\n"
    . 'agent_key_zone zone=more:1m file=keys.jsonl;',
    '"agent_auth key" must name its zone as in "key=name", there are several';
mistake 'in "if"', "$zone$server location / {\nif (\$arg_a) {\n"
    . "agent_auth key;  # fault\n}\n}\n}",
    '"agent_auth" directive is not allowed here';

my ($status, $output) = try_conf('', "agent_auth key;\n");
like($output, qr/"agent_auth" directive is not allowed here/, 'outside http');

fine 'a guard', '';
fine 'the zone by name', 'satisfy any;';



=== TEST 2: agent_key_zone
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $invalid = sub {
    my ($parameter) = @_;

    mistake $parameter, "agent_key_zone zone=k:1m file=keys.jsonl $parameter;"
        . '  # fault', "invalid parameter \"$parameter\" in \"agent_key_zone\"";
};

$invalid->($_) for 'check=', 'check=0', 'check=99ms', 'check=-1s', 'check=x',
    'file=', 'pepper_file=', 'size=1m', 'keys.jsonl', 'Zone=x:1m';

mistake 'nothing', 'agent_key_zone;  # fault',
    'invalid number of arguments in "agent_key_zone" directive';
mistake 'no file', 'agent_key_zone zone=k:1m;  # fault',
    '"agent_key_zone" must have "file=path"';
mistake 'no zone', 'agent_key_zone file=keys.jsonl;  # fault',
    '"agent_key_zone" must have "zone=name:size"';

for my $zone ('k', 'k:', ':1m', 'k:x', 'k:1x', 'k:-1', '') {
    mistake "zone=$zone", "agent_key_zone zone=$zone file=keys.jsonl;"
        . '  # fault', "invalid parameter \"zone=$zone\" in"
        . ' "agent_key_zone"';
}

mistake 'a small zone', 'agent_key_zone zone=k:8k file=keys.jsonl;  # fault',
    'zone "zone=k:8k" in "agent_key_zone" is too small, it needs zone=k:32k at'
    . ' least';
mistake 'a name twice', zone()
    . 'agent_key_zone zone=keys:1m file=other.jsonl;  # fault',
    'duplicate zone "keys" in "agent_key_zone"';
mistake 'a file that is not there',
    'agent_key_zone zone=k:1m file=none.jsonl;  # fault',
    '"agent_key_zone" has no key table for zone "k"';
mistake 'a pepper file that is not there', 'agent_key_zone zone=k:1m'
    . ' file=keys.jsonl pepper_file=none;  # fault',
    'in "agent_key_zone"';
mistake 'in a server', "server {\n" . zone() =~ s/;/;  # fault/r . '}',
    '"agent_key_zone" directive is not allowed here';
mistake 'in a location', "server {\nlocation / {\n"
    . zone() =~ s/;/;  # fault/r . "}\n}",
    '"agent_key_zone" directive is not allowed here';

# what nginx itself says of a name that another module uses

my ($status, $output) = try_conf(zone()
    . 'limit_req_zone $uri zone=keys:1m rate=1r/s;');
is($status, 1, 'a name of another module');
like($output, qr/\[emerg\].*shared memory zone "keys"/, 'said');

my ($good) = try_conf('agent_key_zone check=100ms file=keys.jsonl'
    . ' zone=a.b-c:64k;');
is($good, 0, 'in any order');



=== TEST 3: agent_credential
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
in_location 'no variable', 'agent_credential http_x;  # fault',
    'invalid parameter "http_x" in "agent_credential", expected a variable';
in_location 'the name of a field', 'agent_credential X-API-Key;  # fault',
    'invalid parameter "X-API-Key" in "agent_credential"';
in_location 'a dollar alone', 'agent_credential $;  # fault',
    'invalid parameter "$" in "agent_credential"';
in_location 'nothing', 'agent_credential;  # fault',
    'invalid number of arguments in "agent_credential" directive';
in_location 'twice', "agent_credential \$http_x;\n"
    . 'agent_credential $http_y;  # fault',
    '"agent_credential" directive is duplicate';
in_location 'a variable twice', 'agent_credential $http_x $http_X;  # fault',
    'duplicate variable "$http_X" in "agent_credential"';
in_location 'off beside others', 'agent_credential off $http_x;  # fault',
    'invalid parameter "off" in "agent_credential"';
in_location 'in limit_except', "limit_except GET {\n"
    . "agent_credential \$http_x;  # fault\n}",
    '"agent_credential" directive is not allowed here';

# what cannot be hidden, said of the guard that would need it

for my $variable (qw/ arg_key cookie_key remote_user /) {
    mistake "hiding \$$variable", zone() . "agent_audit off;\nserver {\n"
        . "location / {\nagent_auth key;  # fault\n"
        . "agent_credential \$$variable;\n}\n}",
        "\"agent_credential \$$variable\" cannot be hidden from the upstream,"
        . ' only $http_ variables can: set "agent_hide_credential off" or take'
        . ' another place';
}

fine 'where hiding is off',
    'agent_credential $arg_key; agent_hide_credential off;';
fine 'in observe', 'agent_credential $arg_key; agent_mode observe;';
fine 'fields', 'agent_credential $http_x $http_authorization;';

in_location 'an unknown variable', "agent_hide_credential off;\n"
    . 'agent_credential $http_x $no_such_thing;  # fault',
    'unknown variable "$no_such_thing" in "agent_credential"';



=== TEST 4: agent_scope and agent_scope_implies
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $allows = ': RFC 6750 allows printable ASCII without space, \'"\' and'
    . ' \'\\\'';

for my $case (
    [ 'a space', '"a b"', 'a b' ], [ 'a quote', q('a"b'), 'a"b' ],
    [ 'a backslash', q('a\\\\b'), 'a\\b' ], [ 'nothing', '""', '' ],
    [ 'UTF-8', "a\xc3\xa9", "a\xc3\xa9" ], [ '0x7f', "a\x7f", "a\x7f" ],
) {
    my ($what, $text, $shown) = @$case;

    in_location "a scope with $what", "agent_scope ok $text;  # fault",
        "invalid scope \"$shown\" in \"agent_scope\"$allows";
    mistake "an implied scope with $what",
        zone() . "agent_scope_implies ok $text;  # fault",
        "invalid scope \"$shown\" in \"agent_scope_implies\"";
}

in_location 'no scope', 'agent_scope;  # fault',
    'invalid number of arguments in "agent_scope" directive';

for my $words ('any', 'all', 'allow_empty', 'any allow_empty') {
    in_location "only $words", "agent_scope $words;  # fault",
        '"agent_scope" directive has no value';
}

in_location 'off after others', "agent_scope a;\nagent_scope off;  # fault",
    '"agent_scope" directive has "off" beside other values';
in_location 'others after off', "agent_scope off;\nagent_scope a;  # fault",
    '"agent_scope" directive has "off" beside other values';

mistake 'one scope', zone() . 'agent_scope_implies a;  # fault',
    'invalid number of arguments in "agent_scope_implies" directive';
mistake 'a variable', zone() . 'agent_scope_implies a $arg_b;  # fault',
    'invalid scope "$arg_b" in "agent_scope_implies"';
in_location 'in a location', 'agent_scope_implies a b;  # fault',
    '"agent_scope_implies" directive is not allowed here';

in_location 'an unknown variable', 'agent_scope a "b:$no_such_thing";  # fault',
    'unknown variable "$no_such_thing" in "agent_scope"';
in_location 'an unknown variable in braces',
    'agent_scope "${host}${no_such_thing}x";  # fault',
    'unknown variable "$no_such_thing" in "agent_scope"';

fine 'scopes', 'agent_scope any allow_empty a $arg_b; agent_scope all c;';
fine 'off', 'agent_scope off;';
fine 'a scope named off, beside another', 'agent_scope off a;';



=== TEST 5: agent_service, agent_require
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $invalid = sub {
    my ($directive, $what, $text, $shown) = @_;

    in_location "$directive $what", "$directive $text;  # fault",
        "invalid parameter \"$shown\" in \"$directive\"";
};

$invalid->('agent_service', 'of two words', '"a b"', 'a b');
$invalid->('agent_service', 'empty', '""', '');
$invalid->('agent_service', 'a variable', '$host', '$host');
$invalid->('agent_service', 'with a quote', q('a"b'), 'a"b');
$invalid->('agent_service', 'too long', 'x' x 256, 'x' x 256);
in_location 'two services', 'agent_service a b;  # fault',
    'invalid number of arguments in "agent_service" directive';
in_location 'no service', 'agent_service;  # fault',
    'invalid number of arguments in "agent_service" directive';
in_location 'a service twice', "agent_service a;\nagent_service b;  # fault",
    '"agent_service" directive is duplicate';
in_location 'service in limit_except',
    "limit_except GET {\nagent_service a;  # fault\n}",
    '"agent_service" directive is not allowed here';

$invalid->('agent_require', 'of a constant', 'yes', 'yes');
$invalid->('agent_require', 'of a constant beside others', '$host 1', '1');
$invalid->('agent_require', 'with a bad error', '$host error=404',
    'error=404');
$invalid->('agent_require', 'with no error', '$host error=', 'error=');
$invalid->('agent_require', 'with an error amid it', 'error=401 $host',
    'error=401');
in_location 'only an error', 'agent_require error=401;  # fault',
    '"agent_require" directive has no value';
in_location 'nothing required', 'agent_require;  # fault',
    'invalid number of arguments in "agent_require" directive';
in_location 'off after others', "agent_require \$host;\n"
    . 'agent_require off;  # fault',
    '"agent_require" directive has "off" beside other values';
in_location 'others after off', "agent_require off;\n"
    . 'agent_require $host;  # fault',
    '"agent_require" directive has "off" beside other values';

in_location 'an unknown variable', 'agent_require $host $no_such_thing;  # fault',
    'unknown variable "$no_such_thing" in "agent_require"';
in_location 'an open brace', 'agent_require $host "${host";  # fault',
    'the closing bracket in "host" variable is missing';

fine 'variables of all kinds',
    'set $own 1; agent_require $own $mapped $HTTP_x $arg_a $cookie_b'
    . ' $agent_claim_x $Host $sent_http_x "${own}x" $time_local;'
    . ' if ($uri ~ "(?<named>.)") { set $later 1; } agent_scope $later $named;',
    "map \$uri \$mapped { default 1; }\n";
fine 'a service', 'agent_service billing;';
fine 'no service', 'agent_service off;';
fine 'requirements', 'agent_require $host "$uri$args" error=401;'
    . ' agent_require $arg_a;';
fine 'none', 'agent_require off;';



=== TEST 6: agent_mode, agent_hide_credential, agent_realm, agent_audit
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
in_location 'another mode', 'agent_mode permissive;  # fault',
    'invalid value "permissive" in "agent_mode" directive, it must be'
    . ' "enforce" or "observe"';
in_location 'a mode twice', "agent_mode observe;\nagent_mode enforce;  # fault",
    '"agent_mode" directive is duplicate';

for my $value ('on', 'Required', '""') {
    in_location "mcp $value", "agent_mcp $value;  # fault",
        'invalid value "' . ($value =~ s/"//gr) . '" in "agent_mcp" directive,'
        . ' it must be "off", "optional" or "required"';
}

in_location 'two values of mcp', 'agent_mcp optional required;  # fault',
    'invalid number of arguments in "agent_mcp" directive';
in_location 'mcp twice', "agent_mcp off;\nagent_mcp optional;  # fault",
    '"agent_mcp" directive is duplicate';
in_location 'no mode', 'agent_mode;  # fault',
    'invalid number of arguments in "agent_mode" directive';
in_location 'two modes', 'agent_mode enforce observe;  # fault',
    'invalid number of arguments in "agent_mode" directive';
in_location 'mode in limit_except',
    "limit_except GET {\nagent_mode observe;  # fault\n}",
    '"agent_mode" directive is not allowed here';

for my $value (qw/ max_depth= max_depth=9 max_depth=-1 max_depth=x actor=
    actor=$remote_user actors=a booker on /)
{
    in_location "delegation $value", "agent_delegation $value;  # fault",
        "invalid parameter \"$value\" in \"agent_delegation\"";
}

in_location 'two depths', 'agent_delegation max_depth=1 max_depth=2;  # fault',
    'invalid parameter "max_depth=2" in "agent_delegation"';
in_location 'delegation off and an actor',
    'agent_delegation off actor=a;  # fault',
    'invalid parameter "off" in "agent_delegation"';
in_location 'delegation without a value', 'agent_delegation;  # fault',
    'invalid number of arguments in "agent_delegation" directive';
in_location 'delegation twice', "agent_delegation off;\n"
    . 'agent_delegation actor=a;  # fault',
    '"agent_delegation" directive is duplicate';

for my $value ('on', 'optional x', 'required mtls mtls', 'off dpop') {
    my ($bad) = $value eq 'off dpop' ? 'off' : $value =~ /(\S+)$/;

    in_location "binding $value", "agent_binding $value;  # fault",
        "invalid parameter \"$bad\" in \"agent_binding\"";
}

in_location 'binding without a value', 'agent_binding;  # fault',
    'invalid number of arguments in "agent_binding" directive';
in_location 'binding twice', "agent_binding optional;\n"
    . 'agent_binding required;  # fault', '"agent_binding" directive is duplicate';
fine 'binding', 'agent_binding required mtls dpop;';

for ('all', 'proxy.test', '127.0.0.1/33', '10.0.0.1 x', 'off 127.0.0.1',
    'unix', 'unix:/x', '""')
{
    my ($bad) = grep { !/^[\d.]+$/ } split;
    $bad =~ tr/"//d;

    in_location "client cert $_", "agent_client_cert $_;  # fault",
        "invalid address \"$bad\" in \"agent_client_cert\", expected an"
        . ' address, a CIDR or "unix:"';
}

in_location 'client cert of host bits', 'agent_client_cert 10.0.0.1/8;'
    . '  # fault', 'host bits in "10.0.0.1/8" in "agent_client_cert"';
in_location 'client cert without a value', 'agent_client_cert;  # fault',
    'invalid number of arguments in "agent_client_cert" directive';
in_location 'client cert twice', "agent_client_cert off;\n"
    . 'agent_client_cert off;  # fault',
    '"agent_client_cert" directive is duplicate';
fine 'client cert', 'agent_client_cert 10.0.0.0/8 ::1 2001:db8::/32 unix:;';
fine 'no client cert', 'agent_client_cert off;';

for my $value ('zone=', 'zone=x', 'zone=:1m', 'zone=x:y', 'nonce=0',
    'zone=x:1m nonce=x', 'zone=x:1m size=2', 'zone=x:1m zone=y:1m')
{
    my ($bad) = $value =~ /(\S+)$/;

    mistake "dpop cache $value", "agent_dpop_cache $value;  # fault",
        "invalid parameter \"$bad\" in \"agent_dpop_cache\"";
}

mistake 'dpop cache too small', 'agent_dpop_cache zone=x:32k;  # fault',
    'zone "x" in "agent_dpop_cache" is too small, it needs zone=x:64k at least';
mistake 'dpop cache twice', "agent_dpop_cache zone=x:64k;\n"
    . 'agent_dpop_cache zone=y:64k;  # fault',
    '"agent_dpop_cache" directive is duplicate';
mistake 'dpop cache without a zone', 'agent_dpop_cache nonce=60s;  # fault',
    '"agent_dpop_cache" must have "zone=name:size"';

for my $value (qw/ zone=x zone=:1m zone=x:1q zone=x:1m:2 state= size=1m /) {
    mistake "revocations $value", "agent_revocations $value state=s;  # fault",
        "invalid parameter \"$value\" in \"agent_revocations\"";
}

mistake "recheck $_", "agent_recheck $_;  # fault",
    "invalid parameter \"$_\" in \"agent_recheck\"" for qw/ on 1q 99ms 0 /;
mistake 'recheck twice',
    "agent_recheck off;\nagent_recheck 1s;  # fault",
    '"agent_recheck" directive is duplicate';
mistake 'revocations too small',
    'agent_revocations zone=x:32k state=s;  # fault',
    'zone "x" in "agent_revocations" is too small, it needs zone=x:64k at '
    . 'least';
mistake 'revocations twice', "agent_revocations zone=x:64k state=s;\n"
    . 'agent_revocations zone=y:64k state=t;  # fault',
    '"agent_revocations" directive is duplicate';
mistake 'revocations without a zone', 'agent_revocations state=s;  # fault',
    '"agent_revocations" must have "zone=name:size"';
mistake 'revocations without a file', 'agent_revocations zone=x:64k;  # fault',
    '"agent_revocations" must have "state=path"';
mistake 'two state files',
    'agent_revocations zone=x:64k state=s state=t;  # fault',
    'invalid parameter "state=t" in "agent_revocations"';

fine 'delegation', 'agent_delegation max_depth=8 actor=a actor=b;';

for my $value ('""', '$remote_user', 'pay off', 'off pay') {
    my ($shown) = grep { /^(?:off|\$.*|"")$/ } split ' ', $value;

    in_location "details $value", "agent_require_details $value;  # fault",
        'invalid parameter "' . $shown =~ s/"//gr
        . '" in "agent_require_details"';
}

in_location 'details without a type', 'agent_require_details;  # fault',
    'invalid number of arguments in "agent_require_details" directive';
in_location 'details twice', "agent_require_details a;\n"
    . 'agent_require_details b;  # fault',
    '"agent_require_details" directive is duplicate';

fine 'details', 'agent_require_details pay https://example.com/transfer;';

for my $value (qw/ acr= acr=$remote_user max_age= max_age=0 max_age=x
    max_age=-1 max_age=5ms max_age=101y max_age=9223372036854775807 mfa on /,
    'acr=a b')
{
    in_location "step-up $value", "agent_step_up '$value';  # fault",
        "invalid parameter \"$value\" in \"agent_step_up\"";
}

in_location 'two ages', 'agent_step_up max_age=1m max_age=2m;  # fault',
    'invalid parameter "max_age=2m" in "agent_step_up"';
in_location 'step-up off and a value', 'agent_step_up off acr=a;  # fault',
    'invalid parameter "off" in "agent_step_up"';
in_location 'step-up without a value', 'agent_step_up;  # fault',
    'invalid number of arguments in "agent_step_up" directive';
in_location 'step-up twice', "agent_step_up off;\nagent_step_up acr=a;  # fault",
    '"agent_step_up" directive is duplicate';

mistake 'step-up of keys', zone() . "agent_step_up acr=a;\n"
    . 'server { location / { agent_auth key;  # fault' . "\n} }",
    '"agent_step_up" cannot be met by keys: accept tokens with "oauth", or'
    . ' set "agent_step_up off", for "agent_auth"';

fine 'step-up off', 'agent_step_up off;', "agent_step_up acr=a max_age=1h;\n";

for my $value (qw/ on 2099-01-01 2099-13-01T00:00:00Z 1d @4070908800
    1969-12-31T23:59:59Z 1970-01-01T00:00:00Z deprecated=2099-01-01T00:00:00Z /,
    '""')
{
    in_location "sunset $value", "agent_key_sunset $value;  # fault",
        'invalid date "' . $value =~ s/"//gr . '" in "agent_key_sunset", '
        . 'expected one such as "2027-06-30T23:59:59Z"';
}

in_location 'sunset off and more', 'agent_key_sunset off observe;  # fault',
    'invalid date "off" in "agent_key_sunset", expected one such as';
in_location 'deprecated soon', 'agent_key_sunset 2099-01-01T00:00:00Z '
    . 'deprecated=soon;  # fault',
    'invalid date "deprecated=soon" in "agent_key_sunset", expected one such';

for my $value (qw( off link= link=docs link=ftp://docs.test/ link=//$host/x
    link=https://docs.test/> link=https://docs.test/$uri link=/"x" link=/
    observe=on deprecated sunset=2099-01-01T00:00:00Z ), 'link=/a b')
{
    in_location "sunset, $value",
        "agent_key_sunset 2099-01-01T00:00:00Z '$value';  # fault",
        'in "agent_key_sunset"';
}

for my $twice ('link=/a link=/b', 'observe observe',
    'deprecated=2001-01-01T00:00:00Z deprecated=2002-01-01T00:00:00Z')
{
    my ($second) = $twice =~ /(\S+)$/;

    in_location "sunset $twice",
        "agent_key_sunset 2099-01-01T00:00:00Z $twice;  # fault",
        "invalid parameter \"$second\" in \"agent_key_sunset\"";
}

in_location 'sunset without a value', 'agent_key_sunset;  # fault',
    'invalid number of arguments in "agent_key_sunset" directive';
in_location 'sunset twice', "agent_key_sunset off;\n"
    . 'agent_key_sunset 2099-01-01T00:00:00Z;  # fault',
    '"agent_key_sunset" directive is duplicate';
in_location 'over before it begins', 'agent_key_sunset 2099-01-01T00:00:00Z '
    . 'deprecated=2099-01-01T00:00:01Z;  # fault', '"agent_key_sunset" has a '
    . 'sunset that is earlier than its "deprecated"';

my $tokens = "agent_oauth_provider p {\nissuer http://127.0.0.1:1/;\n"
    . "metadata_uri off;\nverify jwt;\njwks_uri http://127.0.0.1:1/jwks;\n}\n";

mistake 'sunset of no keys', "${tokens}agent_audience a;\nserver { location / {\n"
    . "agent_key_sunset 2099-01-01T00:00:00Z;\nagent_auth oauth;  # fault\n} }",
    '"agent_key_sunset" where no keys are accepted: accept them with "key", or'
    . ' remove it, for "agent_auth"';

fine 'sunset', 'agent_key_sunset 2099-01-01T00:00:00Z observe "link=/a,b;c=%20"'
    . ' deprecated=2099-01-01T01:00:00+01:00;', '';
fine 'sunset off', 'agent_key_sunset off;',
    "agent_key_sunset 2099-01-01T00:00:00Z;\n";
fine 'sunset inherited where keys are gone',
    'agent_key_sunset 2099-01-01T00:00:00Z; location /t/x { agent_auth oauth; }',
    "${tokens}agent_audience a;\n";

in_location 'hide yes', 'agent_hide_credential yes;  # fault',
    'invalid value "yes" in "agent_hide_credential" directive, it must be "on"'
    . ' or "off"';
in_location 'hide twice', "agent_hide_credential on;\n"
    . 'agent_hide_credential off;  # fault',
    '"agent_hide_credential" directive is duplicate';

for my $case (
    [ 'empty', '""', '' ], [ 'with a quote', q('a"b'), 'a"b' ],
    [ 'with a backslash', q('a\\\\b'), 'a\\b' ],
    [ 'with a tab', "\"a\tb\"", "a\tb" ],
    [ 'in UTF-8', "a\xc3\xa9", "a\xc3\xa9" ],
    [ 'of a variable', '$host', '$host' ],
) {
    my ($what, $text, $shown) = @$case;

    in_location "a realm $what", "agent_realm $text;  # fault",
        "invalid parameter \"$shown\" in \"agent_realm\"";
}

in_location 'a realm twice', "agent_realm a;\nagent_realm b;  # fault",
    '"agent_realm" directive is duplicate';
in_location 'a realm of two words', 'agent_realm a b;  # fault',
    'invalid number of arguments in "agent_realm" directive';

in_location 'no log', 'agent_audit;  # fault',
    'invalid number of arguments in "agent_audit" directive';
in_location 'off after a log', "agent_audit logs/a.log;\n"
    . 'agent_audit off;  # fault', '"agent_audit off"';
in_location 'a log after off', "agent_audit off;\n"
    . 'agent_audit logs/a.log;  # fault', '"agent_audit off"';
in_location 'a bad buffer', 'agent_audit logs/a.log buffer=x;  # fault',
    'invalid buffer size "x" in "agent_audit"';
in_location 'a bad flush', 'agent_audit logs/a.log flush=x;  # fault',
    'invalid flush time "x" in "agent_audit"';
in_location 'an unknown parameter', 'agent_audit logs/a.log gzip;  # fault',
    'invalid parameter "gzip" in "agent_audit"';

# its parameters are in t/audit-sink.t, which has keys for it

mistake 'a chain without a key', 'agent_audit_chain lines=10;  # fault',
    '"agent_audit_chain" directive has no "key_file"';
in_location 'the chain of a location', 'agent_audit_chain off;  # fault',
    '"agent_audit_chain" directive is not allowed here';

fine 'modes', 'agent_mode observe;';
fine 'a realm', 'agent_realm "our agents (test)";';



=== TEST 7: agent_oauth_provider, agent_token_cache, agent_audience
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $server = "server {\nlisten " . port(5) . ";\nlocation / {\n";
my $good = "agent_oauth_provider as {\nissuer https://as.test;\n"
    . "introspection_endpoint http://127.0.0.1:1/i;\nclient_auth none;\n}\n";

sub parameter {
    my ($what, $line, $message) = @_;

    mistake("$what", "agent_oauth_provider as {\nissuer https://as.test;\n"
        . "introspection_endpoint http://127.0.0.1:1/i;\n"
        . "$line  # agent_oauth_provider # fault\n}", $message);
}

sub value {
    my ($name, $value) = @_;

    parameter("$name $value", "$name $value;",
        qq(invalid value "$value" of "$name" in "agent_oauth_provider"));
}

parameter 'an unknown parameter', 'issue x;',
    'unknown parameter "issue" in "agent_oauth_provider"';
parameter 'a parameter twice', 'issuer x;',
    'duplicate "issuer" in "agent_oauth_provider"';
parameter 'too many values', 'client_id a b;',
    'invalid number of values of "client_id" in "agent_oauth_provider"';
parameter 'no value', 'client_id;',
    'invalid number of values of "client_id" in "agent_oauth_provider"';

value 'client_auth', 'basic';
value 'max_ttl', '1x';
value 'negative_ttl', 'x';
value 'stale_if_error', '-1';
value 'timeout', 'soon';
value 'max_pending', 'all';
value 'keepalive', '-1';
value 'miss_rate', '100';
value 'miss_rate', '0/s';
value 'ssl_verify', 'maybe';

parameter 'a breaker', 'breaker failures=0;',
    'invalid parameter "failures=0" of "breaker" in "agent_oauth_provider"';
parameter 'a cooldown', 'breaker cooldown=x;',
    'invalid parameter "cooldown=x" of "breaker" in "agent_oauth_provider"';

mistake 'two providers of a name', $good
    . "agent_oauth_provider as {  # fault\nissuer x;\n}",
    'duplicate provider "as" in "agent_oauth_provider"';

mistake 'a small cache', 'agent_token_cache zone=t:64k;  # fault',
    'zone "t" in "agent_token_cache" is too small, it needs zone=t:1024k';
mistake 'a cache without a size', 'agent_token_cache zone=t;  # fault',
    'invalid parameter "zone=t" in "agent_token_cache"';
mistake 'an odd entry', 'agent_token_cache zone=t:2m entry=1000;  # fault',
    'invalid parameter "entry=1000" in "agent_token_cache"';
mistake 'a cache without a zone', 'agent_token_cache entry=1k;  # fault',
    '"agent_token_cache" must have "zone=name:size"';
mistake 'two caches', "agent_token_cache zone=t:2m;\n"
    . 'agent_token_cache zone=u:2m;  # fault',
    '"agent_token_cache" directive is duplicate';

mistake 'no provider', "$server agent_auth oauth;  # fault\n}\n}",
    '"agent_auth oauth" needs a provider, define one with'
    . ' "agent_oauth_provider" in http';
mistake 'another provider', "$good$server agent_auth oauth=x;  # fault\n}\n}",
    'unknown provider "x" in "agent_auth"';
mistake 'no audience', "$good$server agent_auth oauth;  # fault\n}\n}",
    '"agent_auth oauth" needs "agent_audience"';
mistake 'an empty audience', 'agent_audience "";  # fault',
    'invalid parameter "" in "agent_audience"';
mistake 'two audiences lines', "agent_audience a;\n"
    . 'agent_audience b;  # fault', '"agent_audience" directive is duplicate';
mistake 'no variable', 'agent_claim_set tenant name;  # fault',
    'invalid parameter "tenant" in "agent_claim_set", expected a variable';
mistake 'no name of one', 'agent_claim_set $a-b name;  # fault',
    'invalid parameter "$a-b" in "agent_claim_set"';
mistake 'no name', 'agent_claim_set $ name;  # fault',
    'invalid parameter "$" in "agent_claim_set"';
mistake 'no claim', 'agent_claim_set $tenant;  # fault',
    'invalid number of arguments in "agent_claim_set" directive';
mistake 'a variable of nginx', 'agent_claim_set $Remote_Addr a;  # fault',
    'variable "$Remote_Addr" in "agent_claim_set" exists already';
mistake 'twice', "agent_claim_set \$tenant a;\nagent_claim_set \$TENANT b;"
    . '  # fault', 'variable "$TENANT" in "agent_claim_set" exists already';
mistake 'a resource that is none', "${server}agent_resource r1;  # fault\n}\n}",
    'invalid URI "r1" in "agent_resource"';

mistake 'a format of status', "${server}location /s {\nagent_status xml;"
    . "  # fault\n}\n}\n}", 'invalid parameter "xml" in "agent_status"';
mistake 'two formats', "${server}location /s {\nagent_status json html;"
    . "  # fault\n}\n}\n}",
    'invalid number of arguments in "agent_status" directive';
mistake 'status twice', "${server}location /s {\nagent_status;\n"
    . "agent_status;  # fault\n}\n}\n}", '"agent_status" directive is duplicate';
mistake 'status of a server', "server {\nagent_status;  # fault\n}\n",
    '"agent_status" directive is not allowed here';

mistake 'a control API that is no prefix', "${server}location = /c {\n"
    . "agent_control;  # fault\n}\n}\n}",
    '"agent_control" must stand in a location that is a prefix';
for my $value (qw/ never 0 101y 9223372036854775807 /) {
    mistake "control keeps $value", "${server}location /c {\n"
        . "agent_control keep=$value;  # fault\n}\n}\n}",
        "invalid parameter \"keep=$value\" in \"agent_control\"";
    mistake "events are kept $value", "${server}location = /e {\n"
        . "agent_security_events provider=a audience=b keep=$value;  # fault\n"
        . "}\n}\n}", "invalid parameter \"keep=$value\" in"
        . ' "agent_security_events"';
}

mistake 'control of a server', "server {\nagent_control;  # fault\n}\n",
    '"agent_control" directive is not allowed here';
mistake 'events of a server',
    "server {\nagent_security_events provider=a audience=b;  # fault\n}\n",
    '"agent_security_events" directive is not allowed here';
mistake 'events without parameters',
    "server {\nlocation /e {\nagent_security_events;  # fault\n}\n}\n",
    'invalid number of arguments in "agent_security_events" directive';



=== TEST 8: each directive has been tried
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my %known;

for my $path (glob "$AgentAuth::Root/src/module/*.c") {
    open my $in, '<', $path or die $!;

    while (<$in>) {
        $known{$1} = 1 if /^    \{ ngx_string\("(agent_\w+)"\),$/;
    }
}

ok(scalar(keys %known) >= 11, 'directives of the module');
is_deeply([ sort grep { !$tested{$_} } keys %known ], [],
    'none of which was not tried');



=== TEST 9: a guard without an audit log is warned about, once
--- keys
alpha
--- no_audit
--- config
    agent_auth key;  # fault

    location /a { empty_gif; }
    location /b { empty_gif; }
    location /c { agent_audit logs/audit.log; empty_gif; }
--- request
GET /a
--- error_code: 401
--- suppress_stderr
--- startup
is guarded and not audited, set "agent_audit"
--- after
is(scalar(grep { /is guarded and not audited/ } error_lines()), 1, 'once');



=== TEST 10: the line is right in included files as well
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
write_file('part.conf', "# a comment\n\nagent_auth key=other;\n", 0644);

my ($status, $output) = try_conf(zone() . "agent_audit off;\nserver {\n"
    . "location / {\ninclude part.conf;\n}\n}");

is($status, 1, 'refused');
like($output, qr/unknown zone "other" in "agent_auth".* in \S+\/part.conf:3$/m,
    'with the file it is in');
