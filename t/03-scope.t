# What a key may do where.  Without this a key of one scope would open
# locations of another, a map that forgot a case would open them to all, or a
# client would not be told what to ask for.
#
# B-07 to B-09, N-08, MCP-02, MCP-03, MCP-05

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());


# "PATH NAME [REASON [SCOPE]]": whether the key NAME opens PATH

sub opens {
    for my $line (grep { /\S/ } split /\n/, $_[0]) {
        my ($path, $name, $reason, $scope) = split ' ', $line, 4;
        my @key = $name eq '-' ? () : ('X-API-Key' => key($name));

        $reason //= 'ok';
        decided ask("GET $path", @key), $reason, "$path, $name: $reason",
            defined $scope ? (scope => $scope) : ();
    }
}


run_tests();

__DATA__

=== TEST 1: all, any, several lines
--- keys
none
a       scopes=a
b       scopes=b
ab      scopes=a,b
abc     scopes=a,b,c
ac      scopes=a,c
prefix  scopes=aa,a:b,A
--- config
    agent_auth key;

    location = /none        { empty_gif; }
    location = /one         { agent_scope a; empty_gif; }
    location = /both        { agent_scope a b; empty_gif; }
    location = /all         { agent_scope all a b; empty_gif; }
    location = /any         { agent_scope any a b; empty_gif; }
    location = /lines       { agent_scope a; agent_scope b; empty_gif; }
    location = /any-and-one { agent_scope any a b; agent_scope c; empty_gif; }
    location = /twice       { agent_scope any a a b; empty_gif; }
--- run
opens <<'END';
/none         none
/one          none    scope_insufficient  a
/one          a
/one          b       scope_insufficient  a
/one          abc
/one          prefix  scope_insufficient  a
/both         a       scope_insufficient  a b
/both         ab
/all          b       scope_insufficient  a b
/all          abc
/any          none    scope_insufficient  a b
/any          a
/any          b
/any          ac
/lines        a       scope_insufficient  a b
/lines        b       scope_insufficient  a b
/lines        ab
/any-and-one  ab      scope_insufficient  a b c
/any-and-one  ac
/any-and-one  abc
/twice        none    scope_insufficient  a b
END



=== TEST 2: who has nothing yet is told what to ask for (MCP-02)
--- keys
revoked  state=revoked scopes=a
--- config
    agent_auth key;
    agent_realm "our agents";

    location = /one  { agent_scope a; empty_gif; }
    location = /more { agent_scope any c b; agent_scope a b; empty_gif; }
    location = /none { empty_gif; }
--- run
my %our = (realm => 'our agents');

decided ask('GET /one'), 'credential_missing', 'one', %our, scope => 'a';
decided ask('GET /more'), 'credential_missing', 'three, each once', %our,
    scope => 'c b a';
decided ask('GET /none'), 'credential_missing', 'none', %our;
decided ask('GET /one', 'X-API-Key' => "\x80"), 'credential_malformed',
    'not with another error', %our;
decided ask('GET /one', 'X-API-Key' => key 'revoked'), 'key_revoked',
    'nor with this one', %our;



=== TEST 3: variables
--- keys
none
a      scopes=a
ab     scopes=a,b
get    scopes=read
post   scopes=read,write
--- http_config
    map $request_method $needed {
        GET      read;
        POST     "read write";
        PUT      "  write   read  ";
        default  "";
    }

    map $arg_s $one {
        ~^(?<given>[a-z]+)$  $given;
        default "";
    }
--- config
    agent_auth key;
    location = /method { agent_scope $needed; empty_gif; }
    location = /part   { agent_scope ${one} a; empty_gif; }
    location = /any    { agent_scope any $one b; empty_gif; }
    location = /joined { agent_scope "x:$arg_s"; empty_gif; }
    location = /maybe  { agent_scope allow_empty $one; empty_gif; }
    location = /all-maybe { agent_scope all allow_empty $one a; empty_gif; }
    location = /any-maybe { agent_scope any allow_empty $one a; empty_gif; }
--- run
opens <<'END';
/method        none  scope_insufficient  read
/method        get
/part?s=b      a     scope_insufficient  b a
/part?s=b      ab
/part?s=a      a
/any?s=a       a
/any?s=x       a     scope_insufficient  x b
/joined?s=y    ab    scope_insufficient  x:y
/maybe?s=a     a
/maybe?s=a     none  scope_insufficient  a
END

decided ask('POST /method', 'X-API-Key' => key('get'), { body => '' }),
    'scope_insufficient', 'one of two is missing', scope => 'read write';
decided ask('PUT /method', 'X-API-Key' => key('get'), { body => '' }),
    'scope_insufficient', 'with more spaces', scope => 'write read';

# empty is refused, whatever the key may do, unless that was said

opens <<'END';
/part        ab    scope_insufficient  a
/any         ab    scope_insufficient  b
/maybe       none
/all-maybe   none  scope_insufficient  a
/all-maybe   a
/any-maybe   none  scope_insufficient  a
/any-maybe   a
END

my $answer = ask('DELETE /method', 'X-API-Key' => key 'post');
decided $answer, 'scope_insufficient', 'a map without the case';



=== TEST 4: octets that no scope has are an error and not echoed (B-09)
--- keys
a      scopes=a
--- http_config
    map $arg_s $given {
        quote      'a"b';
        backslash  'a\\b';
        control    "a\x01";
        high       "a\x80";
        tab        "a\tb";
        good       a;
        mixed      'a x"CANARY"y';
        default    "";
    }
--- config
    agent_auth key;

    location = /header { agent_scope $http_x_scope; empty_gif; }
    location = /any    { agent_scope any a $http_x_scope; empty_gif; }
    location = /map    { agent_scope $given; empty_gif; }
--- run
my @key = ('X-API-Key' => key 'a');

for my $case (
    [ 'a quote',     'a"b' ],
    [ 'a backslash', 'a\\b' ],
    [ 'a tab',       "a\tb" ],
    [ '0x01',        "a\x01" ],
    [ '0x7f',        "\x7f" ],
    [ '0x80',        "a\x80" ],
    [ 'one of two',  'a x"y' ],
) {
    my ($what, $scope) = @$case;

    for my $path ('/header', '/any') {
        my $answer = ask("GET $path", @key, 'X-Scope' => $scope);

        decided $answer, 'internal_error', "$path: $what";
        is(index($answer->{head}, $scope), -1, "$path: $what is not echoed");
    }

    my $answer = ask('GET /header', 'X-Scope' => $scope);
    is($answer->{status}, 401, "$what, without a key");
    is(index($answer->{head}, $scope), -1, "$what is not echoed to nobody");
}

decided ask('GET /header', @key, 'X-Scope' => 'a'), 'ok', 'a good one';
decided ask('GET /header', @key, 'X-Scope' => '!#[]~'),
    'scope_insufficient', 'odd, and allowed', scope => '!#[]~';
decided ask('GET /map?s=good', @key), 'ok', 'from a map';
decided ask('GET /map?s=mixed', @key), 'internal_error', 'from a map, bad';
--- error_log
a variable in "agent_scope" yields octets that a scope must not have



=== TEST 5: scopes that imply others, at any remove (MCP-05)
--- keys
admin   scopes=admin
write   scopes=write
read    scopes=read
other   scopes=other
none
--- http_config
    agent_scope_implies admin write;
    agent_scope_implies write read list;
--- config
    agent_auth key;

    location = /read   { agent_scope read; empty_gif; }
    location = /list   { agent_scope list; empty_gif; }
    location = /write  { agent_scope write; empty_gif; }
    location = /admin  { agent_scope admin; empty_gif; }
    location = /both   { agent_scope read list; empty_gif; }
    location = /other  { agent_scope other; empty_gif; }
    location = /arg    { agent_scope $arg_s; empty_gif; }
--- run
opens <<'END';
/read        admin
/read        write
/read        read
/read        other  scope_insufficient  read
/list        admin
/list        write
/list        read   scope_insufficient  list
/write       admin
/write       write
/write       read   scope_insufficient  write
/admin       admin
/admin       write  scope_insufficient  admin
/both        admin
/both        read   scope_insufficient  read list
/other       admin  scope_insufficient  other
/other       other
/arg?s=read  admin
/arg?s=list  read   scope_insufficient  list
/arg?s=odd   admin  scope_insufficient  odd
END



=== TEST 6: implications that meet again, and lead back
--- keys
a       scopes=a
b       scopes=b
c       scopes=c
d       scopes=d
self    scopes=self
--- http_config
    agent_scope_implies a b c;
    agent_scope_implies b d;
    agent_scope_implies c d;
    agent_scope_implies d b;
    agent_scope_implies self self;
--- config
    agent_auth key;

    location = /a    { agent_scope a; empty_gif; }
    location = /b    { agent_scope b; empty_gif; }
    location = /c    { agent_scope c; empty_gif; }
    location = /d    { agent_scope d; empty_gif; }
    location = /self { agent_scope self; empty_gif; }
--- run
opens <<'END';
/a     a
/b     a
/c     a
/d     a
/a     b  scope_insufficient  a
/b     b
/c     b  scope_insufficient  c
/d     b
/b     c
/d     c
/a     c  scope_insufficient  a
/b     d
/d     d
/c     d  scope_insufficient  c
/self  self
/self  a  scope_insufficient  self
END



=== TEST 7: a location's scopes replace those around it, off takes them away
--- keys
a       scopes=a
b       scopes=b
ab      scopes=a,b
none
--- config
    agent_auth key;
    agent_scope a;

    location /inherits {
        empty_gif;

        location /inherits/own   { agent_scope b; empty_gif; }
        location /inherits/off   { agent_scope off; empty_gif; }
        location /inherits/both  { agent_scope a; agent_scope b; empty_gif; }
    }

    location /off {
        agent_scope off;
        empty_gif;

        location /off/inherits { empty_gif; }
        location /off/own      { agent_scope b; empty_gif; }
    }
--- run
opens <<'END';
/inherits       a
/inherits       b     scope_insufficient  a
/inherits/own   b
/inherits/own   a     scope_insufficient  b
/inherits/off   none
/inherits/both  ab
/inherits/both  a     scope_insufficient  a b
/off            none
/off/inherits   none
/off/own        a     scope_insufficient  b
/off/own        b
END



=== TEST 8: limit_except (B-07)
--- keys
read    scopes=read
write   scopes=read,write
only    scopes=write
none
--- config
    agent_auth key;
    location /t {
        agent_scope read;
        limit_except GET { agent_scope write; }
        empty_gif;
    }

    location /open {
        agent_auth off;
        limit_except GET { agent_auth key; agent_scope write; }
        empty_gif;
    }

    location /reading {
        agent_scope read;
        limit_except GET { agent_auth off; }
        empty_gif;
    }
--- run
opens <<'END';
/t        read
/t        only  scope_insufficient  read
/t        -     credential_missing  read
/reading  read
/reading  none  scope_insufficient  read
END

my %refused = (scope => 'write');

decided ask('HEAD /t', 'X-API-Key' => key 'read'), 'ok', 'HEAD goes with GET';
decided ask('PUT /t', 'X-API-Key' => key 'read'), 'scope_insufficient',
    'PUT, and the challenge names what PUT needs', %refused;
decided ask('DELETE /t'), 'credential_missing', 'DELETE by nobody', %refused;
decided ask('PUT /open', 'X-API-Key' => key 'read'), 'scope_insufficient',
    'a location that only writers must have a key for', %refused;
is(ask('GET /open')->{status}, 200, 'readers need none');
is(fields(ask('GET /open'), 'Agent'), 'off not_evaluated',
    'and are not looked at');
is(fields(ask('DELETE /reading'), 'WWW-Authenticate'), undef,
    'and the other way round');



=== TEST 9: the audit line tells what a key may do, in enforce and observe
--- keys
some    scopes=a:b,c
--- config
    agent_auth key;

    location = /deny    { agent_scope x; empty_gif; }
    location = /observe { agent_mode observe; agent_scope x; empty_gif; }
--- request eval
["GET /deny", "GET /observe"]
--- more_headers
X-API-Key: {{key 'some'}}
--- error_code eval
[403, 200]
--- audit
result=deny reason=scope_insufficient agent=some scope="a:b c"
result=would_deny reason=scope_insufficient agent=some scope="a:b c"
