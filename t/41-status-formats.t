# How agent_status tells it.  Without this Prometheus could refuse what it
# scrapes, a program could be given a document of another form, a name with a
# quote could end a label or a member, or a page could be told to load what is
# not ours.

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentStatus;

use File::Temp ();

our $as = AgentAS->start();
our $root = $AgentAuth::Root;

# names that hold what formats end strings with; nginx takes them as they are
our $odd = qq(o"d\\d\n\x{c3}\x{a9}\xff\e);


sub provider { return $as->provider(@_) }

sub quoted { return '"' . ($_[0] =~ s/([\\"])/\\$1/gr) . '"' }

sub type { return (fields($_[0], 'Content-Type'))[0] }


sub read_all {
    open my $in, '<', $_[0] or die "$_[0]: $!\n";
    local $/;
    return scalar <$in>;
}


# of t/install, or of the system

sub promtool {
    return (grep { -x } map { "$_/promtool" } split(/:/, $ENV{PATH}),
        "$root/build")[0];
}


# a text goes to a program; its status and what it says

sub fed {
    my ($text, @command) = @_;

    my $in = File::Temp->new;
    print $in $text;
    close $in;

    my $output = `@command < $in 2>&1`;

    return ($? >> 8, $output);
}


sub skipped {
    my ($what) = @_;

    diag("SKIPPED: $what");
    ok(1, "skipped: $what");
}


run_tests();

__DATA__

=== TEST 1: what a client gets
--- config
    location /status { agent_status; allow 127.0.0.1; deny all; }
    location /json { agent_status json; allow 127.0.0.1; deny all; }
    location /prometheus { agent_status prometheus; allow all; }
    location /html { agent_status html; allow all; }
    location /denied { agent_status; deny all; }
--- run
my $json = 'application/json';
my $text = 'text/plain; version=0.0.4; charset=utf-8';
my $open = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
my $html = 'text/html; charset=utf-8';

for (
    [ '/status', undef, $json ],
    [ '/status', '*/*', $json ],
    [ '/status', 'application/json', $json ],
    [ '/status', 'text/html,application/xhtml+xml,application/xml;q=0.9,'
        . '*/*;q=0.8', $html ],
    [ '/status', 'application/openmetrics-text;version=1.0.0;q=0.6,'
        . 'application/openmetrics-text;version=0.0.1;q=0.5,'
        . 'text/plain;version=0.0.4;q=0.3,*/*;q=0.2', $open ],
    [ '/status', 'text/plain', $text ],
    [ '/status', 'image/png', $json ],
    [ '/status', '"no such field', $json ],
    [ '/status?format=prometheus', 'text/html', $text ],
    [ '/status?format=openmetrics', undef, $open ],
    [ '/status?format=html', undef, $html ],
    [ '/status?format=json', 'text/html', $json ],
    [ '/status?format=xml', undef, $json ],
    [ '/status?format=', undef, $json ],
    [ '/json', 'text/html', $json ],
    [ '/json?format=html', undef, $html ],
    [ '/prometheus', undef, $text ],
    [ '/prometheus', 'text/html', $text ],
    [ '/prometheus', 'application/openmetrics-text', $open ],
    [ '/html', 'application/json', $html ],
    [ '/html?format=json', undef, $json ],
) {
    my ($path, $accept, $type) = @$_;
    my $answer = ask("GET $path", defined $accept ? (Accept => $accept) : ());

    is(type($answer), $type, "$path, " . ($accept // 'nothing said'));
    is((fields($answer, 'Cache-Control'))[0], 'no-store', 'not kept');
    is((fields($answer, 'Vary'))[0], 'Accept', 'what it hangs on');
    is((fields($answer, 'X-Content-Type-Options'))[0], 'nosniff', 'nosniff');
}

my $head = ask('HEAD /status');
is($head->{status}, 200, 'HEAD');
cmp_ok((fields($head, 'Content-Length'))[0], '>', 100, 'its length');
is($head->{body}, '', 'and no body');

for my $method (qw/ POST PUT DELETE OPTIONS /) {
    my $answer = ask("$method /status");
    is($answer->{status}, 405, $method);
    is((fields($answer, 'Allow'))[0], 'GET, HEAD', 'what is allowed');
}

is(ask('GET /denied')->{status}, 403, 'a guarded one');

my $page = ask('GET /html');
my ($policy) = fields($page, 'Content-Security-Policy');
like($policy, qr/^default-src 'none'; connect-src 'self'; /, 'its policy');
unlike($policy, qr/unsafe|\*|https?:/, 'nothing from elsewhere');
unlike($page->{body}, qr{(?:src|href)="(?!\?format=json")|url\(|\@import},
    'the page asks for nothing');



=== TEST 2: the page is made of its source
--- config
    location /html { agent_status html; allow all; }
--- run
my $made = File::Temp->new;
system('perl', "$root/src/module/status-page", "$made") == 0
    or die "status-page\n";

is(read_all("$made"), read_all("$root/src/module/ngx_agent_status_page.h"),
    'perl src/module/status-page was run');

my $body = ask('GET /html')->{body};
my ($policy) = fields(ask('GET /html'), 'Content-Security-Policy');

for my $element (qw/ style script /) {
    my ($text) = $body =~ m{<$element>(.*?)</$element>}s;
    my $digest = Digest::SHA::sha256_base64($text);
    $digest .= '=' while length($digest) % 4;

    like($policy, qr/$element-src 'sha256-\Q$digest\E'/, "digest of $element");
}



=== TEST 3: hostile names
--- keys
alpha
--- http_config eval
"agent_key_zone " . main::quoted("zone=$main::odd:64k")
. " file=keys.jsonl check=100ms;\n"
. "agent_oauth_provider " . main::quoted($main::odd) . " {\n"
. "issuer https://a.test; client_id c; client_auth none; metadata_uri off;\n"
. "introspection_endpoint http://127.0.0.1:1/; verify introspection; }\n"
--- config eval
"server_name " . main::quoted($main::odd) . ";\n"
. "location " . main::quoted("/$main::odd") . " {\n"
. "agent_auth key oauth; agent_audience https://a.test/;\n"
. "agent_service svc; empty_gif; }\n"
. "location /status { agent_status; allow all; }\n"
--- run
my $spelled = qr/o\\"d\\\\d\\n\x{c3}\x{a9}\\\\xff\\\\x1b/;

for my $format (qw/ prometheus openmetrics /) {
    my $body = metrics($format)->{body};

    like($body, qr/zone="$spelled"/, "$format: zone");
    like($body, qr/provider="$spelled"/, "$format: provider");
    like($body, qr{location="/$spelled"}, "$format: location");
    unlike($body, qr/[\x00-\x09\x0b-\x1f]/, "$format: no control character");
    ok(utf8::decode(my $copy = $body), "$format: UTF-8");
    ok(samples($body), "$format: samples and comments");
}

my $state = state();
my $as_json = "o\"d\\d\n\x{e9}\x{fffd}\e";
is($state->{providers}[0]{name}, $as_json, 'JSON: provider');
is($state->{key_zones}[0]{name}, $as_json, 'JSON: zone');
is($state->{locations}[0]{location}, "/$as_json", 'JSON: location');



=== TEST 4: promtool and another parser take it
--- keys
alpha
--- http_config eval
"agent_oauth_provider " . main::quoted($main::odd) . " {\n"
. "issuer https://a.test; client_id c; client_auth none;\n"
. "metadata_uri http://127.0.0.1:1/; }\n"
--- config
    agent_auth key oauth;
    agent_audience https://a.test/;
    location /t { empty_gif; }
    location /watch { agent_mode observe; empty_gif; }
    location /status { agent_auth off; agent_status; allow all; }
--- run
ask('GET /t', 'X-API-Key' => key 'alpha');
ask('GET /watch', Authorization => 'Bearer ' . planted("CANARY-format-$$"));
ask('GET /t');

my $text = metrics('prometheus')->{body};
my $open = metrics('openmetrics')->{body};

like($open, qr/\n# EOF\n\z/, 'OpenMetrics ends');
like($open, qr/^# TYPE nginx_agent_decisions counter$/m, 'a family');
like($text, qr/^# TYPE nginx_agent_decisions_total counter$/m,
    'by its samples');
is_deeply([ sort keys %{ samples($text) } ], [ sort keys %{ samples($open) } ],
    'both have the same samples');

if (promtool()) {
    my ($status, $said) = fed($text, promtool(), 'check', 'metrics');
    is($said, '', 'promtool has nothing to say');
    is($status, 0, 'promtool');

} else {
    skipped('promtool is not installed (package prometheus)');
}

my $parse = 'import sys; from prometheus_client.openmetrics.parser import'
    . ' text_string_to_metric_families as f;'
    . ' print(sum(len(m.samples) for m in f(sys.stdin.buffer.read()'
    . '.decode("utf-8"))))';

if (system('/usr/bin/python3 -c "import prometheus_client" 2> /dev/null') == 0) {
    my ($status, $said) = fed($open, '/usr/bin/python3', '-c', "'$parse'");
    is($said, scalar(keys %{ samples($open) }) . "\n",
        'the parser of prometheus_client finds as many samples');

} else {
    skipped('python3-prometheus-client is not installed');
}

# counters never fall, histograms add up
my $samples = samples($text);
my ($count) = grep { /^nginx_agent_introspection_duration_seconds_count/ }
    keys %$samples;
my ($inf) = grep { /_bucket.*le="\+Inf"/ } keys %$samples;
is($samples->{$count}, $samples->{$inf}, 'the last bucket has all');



=== TEST 5: the manual lists each metric, with its labels
--- keys
alpha
--- http_config
agent_revocations zone=revocations:1m state=logs/state;
{{provider('listed', introspection_endpoint => undef)}}
--- config
    agent_auth key oauth;
    agent_audience https://a.test/;
    location /t { empty_gif; }
    location /status { agent_auth off; agent_status; allow all; }
--- run
ask('GET /t', 'X-API-Key' => key 'alpha');
ask('GET /t', Authorization => 'Bearer ' . planted("CANARY-listed-$$"));
await(sub { metrics('prometheus')->{body} =~ /^nginx_agent_document_age/m },
    'metadata');

my $open = metrics('openmetrics')->{body};
my (%type, %labels);

$type{$1} = $2 while $open =~ /^# TYPE (\S+) (\S+)$/mg;

while ($open =~ /^(nginx_agent_\w+)(?:\{(.*)\})? \S+$/mg) {
    my ($name, $labels) = ($1, $2 // '');

    my ($family) = grep { $name =~ /^$_(?:_total|_info|_count|_sum|_bucket)?$/ }
        sort { length $b <=> length $a } keys %type;

    $labels{$family}{$_} = 1
        for grep { $_ ne 'le' } $labels =~ /(\w+)="(?:[^"\\]|\\.)*"/g;
}

my %suffix = (counter => '_total', info => '_info');
my %real = map { $_ . ($suffix{$type{$_}} // '')
    => join ' ', $type{$_}, sort keys %{ $labels{$_} // {} } } keys %type;

my %said;

for (read_all("$root/docs/directives.md") =~ /^(\| `nginx_agent_.*)$/mg) {
    my (undef, $name, $type, $labels) = split /\s*\|\s*/;

    $name =~ s/`//g;
    $said{$name} = join ' ', $type, sort $labels =~ /`(\w+)`/g;
}

is_deeply(\%said, \%real, 'names, types and labels');

# and each alert and each line of the operator's list is of one there is
for my $file ('docs/operations.md', 'conf-examples/status/alerts.yml') {
    my @unknown = grep { !$real{$_} && !$real{s/_(?:bucket|sum|count)$//r} }
        read_all("$root/$file") =~ /\b(nginx_agent_\w+)/g;

    is("@unknown", '', "$file: metrics that there are");
}



=== TEST 6: the JSON is as the schema says
--- keys
alpha
--- key_files
>>> more.jsonl
beta
--- http_config
agent_key_zone zone=keys:1m file=keys.jsonl check=100ms;
agent_key_zone zone=more:1m file=more.jsonl check=100ms;
agent_revocations zone=revocations:1m state=logs/state;
{{provider('schema')}}
--- config
    agent_auth key=keys oauth;
    agent_audience https://a.test/;
    location /t { empty_gif; }
    location /more { agent_auth key=more; agent_mode observe; empty_gif; }
    location /status { agent_auth off; agent_status; allow all; }
--- run
ask('GET /t', 'X-API-Key' => key 'alpha');
ask('GET /more');

my $json = ask('GET /status')->{body};

if (system("sh $root/t/browser/install > /dev/null 2>&1") != 0) {
    skipped('t/browser/install failed: no validator of schemas');

} else {
    my ($status, $said) = fed($json, 'node', "$root/t/browser/schema.js",
        "$root/docs/status.schema.json");
    is($said, '', 'valid');
    is($status, 0, 'says the validator');

    # that is no validator which takes anything
    for my $change ([ '"version":1' => '"version":2' ],
        [ '"breaker":"closed"' => '"breaker":"shut"' ],
        [ '"guarded_locations":' => '"guarded":' ])
    {
        my ($from, $to) = @$change;
        my ($status) = fed($json =~ s/\Q$from\E/$to/r, 'node',
            "$root/t/browser/schema.js", "$root/docs/status.schema.json");
        is($status, 1, "$to is not");
    }
}



=== TEST 7: who is warned
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $zone = "agent_key_zone zone=keys:1m file=keys.jsonl;\n"
    . "agent_audit logs/try-audit.log;\n";
my $server = "server { listen " . port(5) . ";\n";
my $open = qr/\[warn\].*"agent_status" is open to whoever can connect: .* in \S+try\.conf:\d+$/m;

for (
    [ 1, 'open', 'location /s { agent_status; }' ],
    [ 0, 'allow', 'location /s { agent_status; allow 10.0.0.0/8; deny all; }' ],
    [ 0, 'IPv6 only', 'location /s { agent_status; allow ::1; }' ],
    [ 0, 'inherited', 'deny all; location /s { agent_status; }' ],
    [ 0, 'the gate', 'location /s { agent_auth key; agent_status; }' ],
    [ 1, 'observe', 'location /s { agent_auth key; agent_mode observe;'
        . ' agent_status; }' ],
) {
    my ($warned, $what, $text) = @$_;
    my ($status, $output) = try_conf("$zone$server$text }\n");

    is($status, 0, "$what: fine");
    is(scalar(() = $output =~ /$open/g), $warned, "$what: warned or not")
        or diag($output);
}



=== TEST 8: what nginx does with types does not spoil them
--- config
    charset windows-1251;
    charset_types *;
    gzip on;
    gzip_types text/plain;
    location /status { agent_status; allow 127.0.0.1; deny all; }
--- run
for my $format ([ html => 'text/html; charset=utf-8' ],
    [ prometheus => 'text/plain; version=0.0.4; charset=utf-8' ])
{
    my ($name, $type) = @$format;
    my $path = "/status?format=$name";

    is(type(ask("GET $path")), $type, "$name: one charset, that which it has");
    is((fields(ask("GET $path", 'Accept-Encoding' => 'gzip'),
        'Content-Encoding'))[0], 'gzip', "$name: compressed by its type");
}
