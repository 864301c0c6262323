# Whoever answers, an admitted key's end is told once.  Without this it would be
# missing where it is looked for, on errors and after redirects, stand there
# twice, or take the upstream's own links and dates out of its answer.
#
# RFC 9745, RFC 8594; requirements.md, X-01 to X-04, 15 (parity over h1 and h2)

use lib 't/lib';
use AgentAuth;

our @alpha = ('X-API-Key' => key('alpha'));
our $all = '@1767225600 | Tue, 30 Jun 2099 23:59:59 GMT | '
    . join ', ', map { "<https://docs.test/k>; rel=\"$_\"; type=\"text/html\"" }
    qw/ deprecation sunset /;
our $nothing = '- | - | -';

config_preamble(verdict_fields());


sub told {
    my ($answer) = @_;

    return join ' | ', map { fields($answer, $_) // '-' }
        qw/ Deprecation Sunset Link /;
}


# what becomes of an answer with these lines

sub told_of {
    my ($upstream, @lines) = @_;

    my ($seen, $answer) = through $upstream, 'GET /proxy', @alpha,
        Connection => 'close', { answer => join "\r\n", 'HTTP/1.1 200 OK',
            'Content-Length: 0', 'Connection: close', @lines, '', '' };

    return told($answer);
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(keys => "alpha\n");
    $block->set_value(config => <<'END' . ($block->config // ''));
    agent_auth key;
    agent_key_sunset 2099-06-30T23:59:59Z deprecated=2026-01-01T00:00:00Z
        link=https://docs.test/k;

    location /proxy { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
END
});

run_tests();

__DATA__

=== TEST 1: whatever the upstream answers
--- run
my $upstream = upstream 1;

for my $status (200, 204, 206, 301, 304, 400, 401, 404, 429, 500, 503) {
    my ($seen, $answer) = through $upstream, 'GET /proxy', @main::alpha,
        Connection => 'close', { answer => "HTTP/1.1 $status X\r\n"
        . "Content-Length: 0\r\nConnection: close\r\n\r\n" };

    is("$answer->{status} " . told($answer), "$status $main::all", "status $status");
}

close $upstream;
my $answer = ask 'GET /proxy', @main::alpha;
is("$answer->{status} " . told($answer), "502 $main::all", 'nobody is there');



=== TEST 2: beside what the upstream says
--- run
my $upstream = upstream 1;
my ($sunset) = $main::all =~ / \| (.*?) \| /;
my ($links) = $main::all =~ /.* \| (.*)/;

is(told_of($upstream, 'Link: </style.css>; rel=preload', 'Link: <x>; rel=y'),
    "\@1767225600 | $sunset | </style.css>; rel=preload, <x>; rel=y, $links",
    'links of the upstream');
is(told_of($upstream, map { "Link: $_" } split /, /, $links), $main::all,
    'our own');

for my $early ('@1700000000', ' @1700000000 ') {
    is(told_of($upstream, "Deprecation: $early"),
        "\@1700000000 | $sunset | $links", 'deprecated earlier');
}

is(told_of($upstream, 'Deprecation: @0'), $main::all, 'no date of ours');

for my $late ('@1800000000', 'true', '@', '@1x', '@-', '@1;a=b', '1700000000',
    'Sun, 11 Nov 2018 23:59:59 GMT', '@1767225601', '@1767225600, @5', '')
{
    is(told_of($upstream, "Deprecation: $late"), $main::all,
        "Deprecation: \"$late\"");
}

is(told_of($upstream, 'Deprecation: @1800000000', 'deprecation: @1600000000',
    'DEPRECATION: @1700000000'), "\@1600000000 | $sunset | $links",
    'several, the earliest');

is(told_of($upstream, 'Sunset: Wed, 11 Nov 2026 23:59:59 GMT'),
    "\@1767225600 | Wed, 11 Nov 2026 23:59:59 GMT | $links", 'an earlier one');
is(told_of($upstream, 'Sunset: Sun, 11 Nov 2018 23:59:59 GMT'),
    "\@1541980799 | Sun, 11 Nov 2018 23:59:59 GMT | $links",
    'deprecated not later than that');

for my $late ('Wed, 11 Nov 2199 23:59:59 GMT', 'soon', '',
    '2026-11-11T23:59:59Z')
{
    is(told_of($upstream, "Sunset: $late"), $main::all, "Sunset: \"$late\"");
}

my ($seen, $answer) = through $upstream, 'GET /proxy', Connection => 'close',
    'X-API-Key' => 'nobody';
is(told($answer), $main::nothing, 'refused');



=== TEST 3: nothing of ours to say
--- config
    location /off {
        agent_key_sunset off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/proxy;
    }
--- run
my $upstream = upstream 1;

my ($seen, $answer) = through $upstream, 'GET /off', @main::alpha,
    Connection => 'close', { answer => "HTTP/1.1 200 OK\r\nSunset: soon\r\n"
    . "Deprecation: true\r\nLink: <a>\r\nContent-Length: 0\r\n\r\n" };
is(told($answer), 'true | soon | <a>', 'left alone');



=== TEST 4: redirects within
--- suppress_stderr
--- config
    location /intercept {
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/proxy;
        proxy_intercept_errors on;
        error_page 404 /page;
        error_page 500 @named;
        error_page 502 =200 /open;
        error_page 503 /other;
        error_page 504 /refusing;
        error_page 507 =302 https://elsewhere.test/;
    }
    location /page { empty_gif; }
    location @named { add_header Named 1 always; return 418; }
    location /open { agent_auth off; empty_gif; }
    location /other {
        agent_key_sunset 2098-01-01T00:00:00Z link=/other; empty_gif;
    }
    location /refusing { agent_scope pay; empty_gif; }
    location /accel {
        internal;
        agent_auth off;
        alias html/;
    }
    location /try { try_files /nothing @named; }
    location /found { try_files /nothing /page; }
    location /dir/ { alias html/; index page.html; }
    location /missing { root html; }
    location /sub { root html; }
    location /rewritten { rewrite ^ /page; }
    location /break { rewrite ^ /page.html break; root html; }
    location /mirrored { mirror /page; empty_gif; }
    location /ssi { ssi on; default_type text/html; alias html/; }
--- user_files
>>> page.html
a page
>>> sub/page.html
another
>>> ssi.html
<!--#include virtual="/page" --><!--#include virtual="/page" -->
--- run
my $upstream = upstream 1;
my $of = sub {
    my ($path, $status, @lines) = @_;

    my ($seen, $answer) = through $upstream, "GET $path", @main::alpha,
        Connection => 'close', { answer => join "\r\n",
            "HTTP/1.1 $status X", 'Content-Length: 0', @lines, '', '' };

    return "$answer->{status} " . told($answer);
};
my $straight = sub {
    my ($path, @headers) = @_;
    my $answer = ask "GET $path", @main::alpha, @headers;

    return "$answer->{status} " . told($answer);
};

is($of->('/intercept', 404), "404 $main::all", 'an error page');
is($of->('/intercept', 500), "418 $main::all", 'of a named location');
is($of->('/intercept', 502), "200 $main::all", 'that everybody may see');
is($of->('/intercept', 507), "302 $main::all", 'elsewhere');
is($of->('/intercept', 503), '503 @1767225600 | Wed, 01 Jan 2098 00:00:00 GMT '
    . '| </other>; rel="deprecation"; type="text/html", '
    . '</other>; rel="sunset"; type="text/html"', 'the earlier end');
is($of->('/intercept', 504), "403 $main::nothing", 'refused in the end');

is($of->('/proxy', 200, 'X-Accel-Redirect: /accel/page.html',
    'Deprecation: @5', 'Link: <gone>'), "200 $main::all", 'X-Accel-Redirect');

is($straight->('/try'), "418 $main::all", 'try_files, named');
is($straight->('/found'), "200 $main::all", 'try_files');
is($straight->('/dir/'), "200 $main::all", 'index');
is($straight->('/sub'), "301 $main::all", 'a directory');
is($straight->('/missing'), "404 $main::all", 'not found');
is($straight->('/rewritten'), "200 $main::all", 'rewritten');
is($straight->('/break'), "200 $main::all", 'rewritten within');
is($straight->('/mirrored'), "200 $main::all", 'mirrored');

my $answer = ask 'GET /ssi/ssi.html', @main::alpha;
is("$answer->{status} " . told($answer), "200 $main::all", 'subrequests');
like($answer->{body}, qr/GIF.*GIF/s, 'there were two');

$answer = ask 'GET /dir/page.html', @main::alpha;
is($straight->('/dir/page.html', 'If-None-Match' => fields($answer, 'ETag')),
    "304 $main::all", 'not modified');
is($straight->('/dir/page.html', 'If-Match' => '"x"'), "412 $main::all",
    'precondition failed');
is($straight->('/dir/page.html', 'Range' => 'bytes=0-1'), "206 $main::all",
    'a part');
is($straight->('/dir/page.html', 'Range' => 'bytes=999-'), "416 $main::all",
    'no part');



=== TEST 5: several requests of one connection, of which some have a key
--- config
    location /t { empty_gif; }
    location /open { agent_auth off; empty_gif; }
--- run
my $connection = AgentClient::connected();

for my $round (1 .. 3) {
    is(told(answer_of($connection, 'GET /t', @main::alpha)), $main::all,
        "a key, $round");
    is(told(answer_of($connection, 'GET /open', @main::alpha)),
        $main::nothing, "another location, $round");
    is(told(answer_of($connection, 'GET /t')), $main::nothing,
        "no key, $round");
}



=== TEST 6: HTTP/2
--- http_config
    server {
        listen $TEST_NGINX_PORT_2 http2;

        agent_auth key;
        agent_key_sunset 2099-06-30T23:59:59Z deprecated=2026-01-01T00:00:00Z
            link=https://docs.test/k;

        location / {
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }
    }
--- run
SKIP: {
    Test::More::skip('no curl with HTTP/2', 2)
        if `curl --version 2>&1` !~ /^Features:.*\bHTTP2\b/m;

    my $upstream = upstream 1;

    open my $pipe, '-|', 'curl', '-s', '-i', '--max-time', 60,
        '--http2-prior-knowledge', '-H', join(': ', @main::alpha),
        'http://127.0.0.1:' . AgentClient::port(2) . '/' or die;

    my $peer = AgentClient::Connection->new(scalar $upstream->accept);
    $peer->message;
    $peer->send("HTTP/1.1 404 X\r\nContent-Length: 0\r\nLink: <a>; rel=b\r\n"
        . "Deprecation: true\r\nConnection: close\r\n\r\n");

    my $text = do { local $/; <$pipe> } // '';
    my @lines = $text =~ /^((?:deprecation|sunset|link): .*?)\r?$/mg;

    like($text, qr{^HTTP/2 404}, 'not found');
    is(join("\n", sort @lines), join("\n", 'deprecation: @1767225600',
        'link: <a>; rel=b', (map { "link: <https://docs.test/k>; rel=\"$_\"; "
            . 'type="text/html"' } qw/ deprecation sunset /),
        'sunset: Tue, 30 Jun 2099 23:59:59 GMT'), 'in small letters');
}
