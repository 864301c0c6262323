# How our verdict meets those of nginx's own access modules.  Without this
# "satisfy any" would let a client in whom nobody vouched for, keep one out who
# is vouched for otherwise, or leave our challenge in an answer that is none.
#
# requirements.md, 15 (satisfy); craft: nginx's handlers run in the order
# address, key, password, auth_request

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());

our @addresses = ('-', 'allow', 'deny');
our @passwords = ('-', 'basic');
our @requests  = ('-', 'yes', 'no');


# a location for each way to combine the four

sub locations {
    my $text = '';

    for my $satisfy (qw/ all any /) {
        for my $address (@addresses) {
            for my $password (@passwords) {
                for my $request (@requests) {
                    $text .= "location = /$satisfy/$address/$password/$request"
                        . " {\n satisfy $satisfy; agent_auth key;"
                        . " agent_scope \$arg_scope;\n"
                        . ($address eq '-' ? '' : " $address all;\n")
                        . ($password eq '-' ? '' : " auth_basic b;\n"
                           . " auth_basic_user_file"
                           . " $ENV{TEST_NGINX_SERVER_ROOT}/html/htpasswd;\n")
                        . ($request eq '-' ? ''
                           : " auth_request /say/$request;\n")
                        . " empty_gif; }\n";
                }
            }
        }
    }

    return $text . "location = /say/yes { return 204; }\n"
        . "location = /say/no { return 403; }\n";
}


# What nginx's manual says: "all": the first refusal ends it; "any": the first
# consent does, 401 is stronger than 403, any other refusal ends it.  A verdict
# is 200, a status, or undef for no opinion.

sub outcome {
    my ($satisfy, @verdicts) = @_;

    my $refused;

    for my $i (0 .. $#verdicts) {
        my $verdict = $verdicts[$i] // next;

        if ($satisfy eq 'all') {
            return ($verdict, $i) if $verdict != 200;
            next;
        }

        return ($verdict, $i) unless $verdict == 401 || $verdict == 403;
        $refused = $verdict unless ($refused // 0) == 401;
    }

    return ($refused // 200, $#verdicts);
}


run_tests();

__DATA__

=== TEST 1: all and any, address, password, auth_request; no, bad and good keys
--- keys
good  scopes=a
poor
--- config
    {{locations()}}
--- user_files
>>> htpasswd
alice:{PLAIN}pw
--- run
my @alice = (Authorization => 'Basic YWxpY2U6cHc=');
my $error = 'Bearer realm="agents"';

my @credentials = (
    [ 'no key',    'credential_missing',   401, qq{$error, scope="a"} ],
    [ 'bad key',   'key_unknown',          401,
      qq{$error, error="invalid_token"}, 'X-API-Key' => key 'stranger' ],
    [ 'poor key',  'scope_insufficient',   403,
      qq{$error, error="insufficient_scope", scope="a"},
      'X-API-Key' => key 'poor' ],
    [ 'malformed', 'credential_malformed', 400,
      qq{$error, error="invalid_request"}, 'X-API-Key' => "\xff" ],
    [ 'good key',  'ok',                   200, undef,
      'X-API-Key' => key 'good' ],
);

my (@wrong, @overruled, $cases);

for my $satisfy (qw/ all any /) {
 for my $address (@addresses) {
  for my $password (@passwords) {
   for my $request (@requests) {
    for my $alice ($password eq '-' ? 0 : (0, 1)) {
     for my $credential (@credentials) {
        my ($name, $reason, $key, $challenge, @headers) = @$credential;

        my @verdicts = (
            { '-' => undef, allow => 200, deny => 403 }->{$address}, $key,
            $password eq '-' ? undef : $alice ? 200 : 401,
            { '-' => undef, yes => 200, no => 403 }->{$request},
        );

        my ($status, $last) = outcome($satisfy, @verdicts);

        my $asked = $last >= 1;
        my $overruled = $asked && $key != 200 && $status == 200;
        my $verdict = !$asked || $overruled ? 'none not_evaluated'
            : $key == 200 ? 'allow ok' : "deny $reason";
        my $denied = $verdict =~ /^deny/;

        my @challenges;
        push @challenges, $challenge if $denied;
        push @challenges, 'Basic realm="b"' if $last >= 2 && $status != 200
            && defined $verdicts[2] && $verdicts[2] == 401;

        my $path = "/$satisfy/$address/$password/$request";
        my $answer = ask("GET $path?scope=a", @headers, $alice ? @alice : ());

        my $expected = join '|', $status, $verdict,
            join(', ', @challenges) || '-', $denied ? 'no-store' : '-';
        my $got = join '|', $answer->{status}, fields($answer, 'Agent'),
            fields($answer, 'WWW-Authenticate') // '-',
            fields($answer, 'Cache-Control') // '-';

        $cases++;
        push @wrong, "$path, $name" . ($alice ? ', alice' : '')
            . ": $got, not $expected" if $got ne $expected;
        push @overruled, [ fields($answer, 'Agent-Request'),
            $overruled ? $reason : undef, $status ];
     }
    }
   }
  }
 }
}

is_deeply(\@wrong, [], "$cases cases");

my %line = map { $_->{metadata}{uid} => $_ } audit_lines($cases);
my @unlike = grep {
    my ($id, $reason, $status) = @$_;
    my $line = $line{$id};

    !$line || $line->{http_response}{code} != $status
        || ($line->{unmapped}{agent_auth}{overruled} // '') ne ($reason // '');
} @overruled;

is(scalar(grep { defined $_->[1] } @overruled), 30,
    'how often another module overruled a refusal');
is_deeply(\@unlike, [], 'which the audit lines say, and with what status');



=== TEST 2: where it is off we have no opinion
--- keys
good
--- config
    satisfy any;

    location = /deny  { agent_auth off; deny all; empty_gif; }
    location = /basic {
        agent_auth off;
        deny all;
        auth_basic b;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/htpasswd;
        empty_gif;
    }
    location = /other { agent_auth key; empty_gif; }
--- user_files
>>> htpasswd
alice:{PLAIN}pw
--- request eval
["GET /deny", "GET /basic", "GET /other"]
--- more_headers eval
[ map { "X-API-Key: " . ::key('good') } 1 .. 3 ]
--- error_code eval
[403, 401, 200]
--- audit
result=allow



=== TEST 3: an answer of the upstream keeps its own fields
--- keys
good
--- config
    location /t {
        satisfy any;
        agent_auth key;
        auth_basic b;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/htpasswd;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- user_files
>>> htpasswd
alice:{PLAIN}pw
--- run
my $upstream = upstream 1;
my ($seen, $answer) = through $upstream, 'GET /t',
    Authorization => 'Basic YWxpY2U6cHc=', 'X-API-Key' => key('stranger'),
    { answer => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control: a\r\n"
        . "WWW-Authenticate: b\r\nConnection: close\r\n\r\n" };

is(fields($answer, 'Cache-Control'), 'a', 'Cache-Control');
is(fields($answer, 'WWW-Authenticate'), 'b', 'WWW-Authenticate');
is(fields($answer, 'Agent'), 'none not_evaluated', 'and nobody was proven');
--- audit
result=none reason=not_evaluated overruled=key_unknown status=200 agent=unauthenticated



=== TEST 4: a refusal after a look-up leaves no identity where it is overruled
--- keys
revoked  state=revoked agent=old-bot owner=old-team scopes=all
--- config
    location /t {
        satisfy any;
        agent_auth key;
        auth_request /yes;
        add_header Who "[$agent_id][$agent_key_id][$agent_auth_type]";
        empty_gif;
    }
    location = /yes { return 204; }
--- request
GET /t
--- more_headers
X-API-Key: {{key 'revoked'}}
--- response_headers
Who: [][][]
--- audit
result=none reason=not_evaluated overruled=key_revoked agent=unauthenticated !owner !scope
