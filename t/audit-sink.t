# The directive agent_audit.  Without what this proves a slip in it is found
# out when the auditor asks for the lines: two logs mixed in one file, a buffer
# that holds no line, lines that go elsewhere than the configuration reads.

use lib 't/lib';
use AgentAuth;

use File::Temp ();
use MIME::Base64 qw/ encode_base64 /;
use IO::Select;
use IO::Socket::INET;

my $udp;

sub server_path {
    return AgentAuth::server_root() . "/$_[0]";
}

sub slurp {
    open my $in, '<', server_path($_[0]) or return '';
    return do { local $/; <$in> };
}

# the port of a syslog server

sub udp {
    $udp //= IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
        or die $!;

    return $udp->sockport;
}

sub datagram {
    my $octets = '';

    IO::Select->new($udp)->can_read($AgentAuth::Patience)
        and $udp->recv($octets, 65536);

    return $octets;
}

# a key file of that mode and text; one that was made already stays

sub key_file {
    my ($mode, $text) = @_;

    our (%made, $keys);
    $keys //= File::Temp::tempdir(CLEANUP => 1);

    my $path = $made{"$mode $text"} //= "$keys/" . keys(%made) . '.key';

    open my $out, '>', $path or die $!;
    print $out "$text\n";
    close $out;
    chmod $mode, $path;

    return $path;
}

# a directory with a file and a link to it

sub linked {
    our $dir //= File::Temp::tempdir(CLEANUP => 1);

    open my $out, '>>', "$dir/shared.log" or die $!;
    symlink 'shared.log', "$dir/link.log";

    return $dir;
}

run_tests();

__DATA__

=== TEST 1: a buffer that is smaller than a line
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log buffer=8191;  # fault
        empty_gif;
    }
--- emerg
buffer size "8191" in "agent_audit" is too small, a line may need 8k



=== TEST 2: a buffer size that is none
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log buffer=off;  # fault
        empty_gif;
    }
--- emerg
invalid buffer size "off" in "agent_audit"



=== TEST 3: a buffer that no write could take at once
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log buffer=2g;  # fault
        empty_gif;
    }
--- emerg
invalid buffer size "2g" in "agent_audit"



=== TEST 4: a flush time that is none
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log flush=soon;  # fault
        empty_gif;
    }
--- emerg
invalid flush time "soon" in "agent_audit"



=== TEST 5: a flush time that would never come
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log flush=0;  # fault
        empty_gif;
    }
--- emerg
invalid flush time "0" in "agent_audit"



=== TEST 6: a parameter of access_log
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log gzip;  # fault
        empty_gif;
    }
--- emerg
invalid parameter "gzip" in "agent_audit"



=== TEST 7: a variable in the path
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/$host.log;  # fault
        empty_gif;
    }
--- emerg
variables are not supported in the path "logs/$host.log" in "agent_audit"



=== TEST 8: an empty path
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit "";  # fault
        empty_gif;
    }
--- emerg
empty path in "agent_audit"



=== TEST 9: off takes no parameters
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit off buffer=64k;  # fault
        empty_gif;
    }
--- emerg
invalid parameter "buffer=64k" in "agent_audit off"



=== TEST 10: off after a sink
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        agent_audit off;  # fault
        empty_gif;
    }
--- emerg
"agent_audit off" cannot follow "agent_audit" at the same level



=== TEST 11: a sink after off
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit off;
        agent_audit logs/audit.log;  # fault
        empty_gif;
    }
--- emerg
"agent_audit" cannot follow "agent_audit off" at the same level



=== TEST 12: a sink twice would have each line twice
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        agent_audit logs/audit.log;  # fault
        empty_gif;
    }
--- emerg
duplicate "agent_audit {{server_path('logs/audit.log')}}" at the same level



=== TEST 13: two buffer sizes for one file
--- keys
alpha
--- config
    location /a {
        agent_auth key;
        agent_audit logs/audit.log flush=20ms;
        empty_gif;
    }
    location /b {
        agent_auth key;
        agent_audit logs/audit.log buffer=64k;
        empty_gif;
    }
    location /c {
        agent_auth key;
        agent_audit logs/audit.log buffer=32k;  # fault
        empty_gif;
    }
--- emerg
audit.log" already has another buffer size in {{server_path('conf/nginx.conf')}}:



=== TEST 14: two flush times for one file
--- keys
alpha
--- config
    location /a {
        agent_auth key;
        agent_audit logs/audit.log flush=1s;
        empty_gif;
    }
    location /b {
        agent_auth key;
        agent_audit logs/audit.log flush=2s;  # fault
        empty_gif;
    }
--- emerg
audit.log" already has another flush time in {{server_path('conf/nginx.conf')}}:



=== TEST 15: a syslog server that is none
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit syslog:facility=local7;  # fault
        empty_gif;
    }
--- emerg
no syslog server specified
invalid syslog server "syslog:facility=local7" in "agent_audit"



=== TEST 16: syslog has no buffer
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit syslog:server=127.0.0.1 buffer=64k;  # fault
        empty_gif;
    }
--- emerg
"buffer=64k" cannot be used with syslog in "agent_audit"



=== TEST 17: nor a flush time
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit syslog:server=127.0.0.1 flush=1s;  # fault
        empty_gif;
    }
--- emerg
"flush=1s" cannot be used with syslog in "agent_audit"



=== TEST 18: the file of an access_log before
--- keys
alpha
--- config
    access_log logs/shared.log;
    location /t {
        agent_auth key;
        agent_audit logs/shared.log;  # fault
        empty_gif;
    }
--- emerg
"agent_audit" path "{{server_path('logs/shared.log')}}" is also used by access_log or error_log



=== TEST 19: the file of an access_log behind
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/shared.log;  # fault
        empty_gif;
    }
    location /u {
        access_log logs/shared.log combined buffer=4k;
    }
--- emerg
shared.log" is also used by access_log or error_log



=== TEST 20: the file of an error_log within http
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/shared.log;  # fault
        empty_gif;
    }
    location /u {
        error_log logs/shared.log warn;
    }
--- emerg
shared.log" is also used by access_log or error_log



=== TEST 21: the file of the main error_log, before http
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/error.log;  # fault
        empty_gif;
    }
--- emerg
error.log" is also used by access_log or error_log



=== TEST 22: the file of an error_log behind http
--- keys
alpha
--- post_main_config
    error_log logs/shared.log warn;
--- config
    location /t {
        agent_auth key;
        agent_audit logs/shared.log;  # fault
        empty_gif;
    }
--- emerg
shared.log" is also used by access_log or error_log



=== TEST 23: that file by another name, though it is not there yet
--- keys
alpha
--- config
    access_log logs/shared.log;
    location /t {
        agent_auth key;
        agent_audit logs/../logs/./shared.log;  # fault
        empty_gif;
    }
--- emerg
shared.log" is also used by access_log or error_log



=== TEST 24: that file by a link
--- keys
alpha
--- config
    access_log {{linked()}}/shared.log;
    location /t {
        agent_auth key;
        agent_audit {{linked()}}/link.log;  # fault
        empty_gif;
    }
--- emerg
link.log" is also used by access_log or error_log



=== TEST 25: one file by two names would have two buffers
--- keys
alpha
--- config
    location /a {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
    location /b {
        agent_auth key;
        agent_audit logs/./audit.log;  # fault
        empty_gif;
    }
--- emerg
logs/./audit.log" is the same file as "{{server_path('logs/audit.log')}}" of {{server_path('conf/nginx.conf')}}:



=== TEST 26: a file that cannot be opened stops the start
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/absent/audit.log;
        empty_gif;
    }
--- emerg
logs/absent/audit.log" failed (2: No such file or directory)



=== TEST 27: locations share a file, whoever says what of its buffer
--- keys
alpha
--- config
    location /a {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
    location /b {
        agent_auth key;
        agent_audit logs/audit.log flush=20ms;
        empty_gif;
    }
    location /c {
        agent_auth key;
        agent_audit logs/audit.log flush=20ms buffer=8k;
        empty_gif;
    }
--- request eval
["GET /a", "GET /b", "GET /c"]
--- error_code eval
[401, 401, 401]
--- audit
path=/a
path=/b
path=/c



=== TEST 28: several sinks get the same line, numbered once
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log flush=20ms;
        agent_audit logs/audit2.log flush=20ms;
        agent_audit syslog:server=127.0.0.1:{{udp()}},facility=local5,tag=agents,nohostname;
        agent_audit logs/audit3.log flush=20ms;
        empty_gif;
    }
--- request
GET /t
--- error_code: 401
--- audit
path=/t
--- after
await(sub { !grep { slurp("logs/audit$_.log") ne slurp('logs/audit.log') } 2, 3 },
    'the other files');
is(slurp('logs/audit2.log'), slurp('logs/audit.log'), 'the second file');
is(slurp('logs/audit3.log'), slurp('logs/audit.log'), 'the third file');
my $datagram = datagram();
like($datagram, qr/^<174>\w{3} [ \d]\d \d\d:\d\d:\d\d agents: \{/,
    'the header of the datagram');
$datagram =~ s/^.*? agents: //;
like("\n" . slurp('logs/audit.log'), qr/\n\Q$datagram\E\n\z/, 'the datagram');
ok(JSON::PP->new->utf8->decode($datagram)->{metadata}{sequence} >= 1,
    'the line is numbered');



=== TEST 29: a level replaces what it inherits, off leaves nothing
--- keys
alpha
--- config
    agent_audit logs/audit.log flush=20ms;
    agent_auth key;
    location /inherits { empty_gif; }
    location /replaces { agent_audit logs/audit2.log flush=20ms; empty_gif; }
    location /silent   { agent_audit off; empty_gif; }
--- request eval
["GET /silent", "GET /replaces", "GET /inherits"]
--- error_code eval
[401, 401, 401]
--- audit
path=/inherits
--- after
ok(await(sub { -s server_path('logs/audit2.log') }), 'the other file');
unlike(slurp('logs/audit2.log'), qr{"/(?:inherits|silent)"}, 'and its lines');
unlike(slurp('logs/audit.log'), qr{"/(?:replaces|silent)"}, 'of none other');



=== TEST 30: the largest fields leave one whole line
--- keys
alpha
--- config
    location /x {
        agent_auth key;
        agent_audit logs/audit.log buffer=8k flush=20ms;
        empty_gif;
    }
--- request eval
"GET /x" . "\\" x 3000
--- more_headers eval
"User-Agent: " . "\"" x 3000
--- error_code: 401
--- audit
status=401 metadata.is_truncated=true



=== TEST 31: a chain without a key
--- keys
alpha
--- http_config
    agent_audit_chain checkpoint=1s;  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
"agent_audit_chain" directive has no "key_file"



=== TEST 32: a key that is not there
--- keys
alpha
--- http_config
    agent_audit_chain key_file=absent.key;  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
"agent_audit_chain" key file "{{server_path('conf/absent.key')}}" cannot be read (2: No such file or directory) in {{server_path('conf/nginx.conf')}}:



=== TEST 33: a key that others can read
--- keys
alpha
--- http_config
    agent_audit_chain key_file={{key_file(0640, "k1 " . encode_base64("x" x 32, ""))}};  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
is not a file that is its owner's alone, do "chmod 600" and make a new key in {{server_path('conf/nginx.conf')}}:



=== TEST 34: a key that is too short
--- keys
alpha
--- http_config
    agent_audit_chain key_file={{key_file(0600, "k1 " . encode_base64("x" x 15, ""))}};  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
"agent_audit_chain" {{key_file(0600, "k1 " . encode_base64("x" x 15, ""))}}:1: a key must be at least 16 octets in base64



=== TEST 35: an interval that is none
--- keys
alpha
--- http_config
    agent_audit_chain key_file={{key_file(0600, "k1 " . encode_base64("x" x 32, ""))}} checkpoint=2h;  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
invalid parameter "checkpoint=2h" in "agent_audit_chain"



=== TEST 36: no lines to an epoch
--- keys
alpha
--- http_config
    agent_audit_chain key_file={{key_file(0600, "k1 " . encode_base64("x" x 32, ""))}} lines=0;  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
invalid parameter "lines=0" in "agent_audit_chain"



=== TEST 37: another parameter of a chain
--- keys
alpha
--- http_config
    agent_audit_chain key_file={{key_file(0600, "k1 " . encode_base64("x" x 32, ""))}} sign=on;  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
invalid parameter "sign=on" in "agent_audit_chain"



=== TEST 38: a chain that is off and has more to say
--- keys
alpha
--- http_config
    agent_audit_chain off lines=10;  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
"agent_audit_chain" directive has "off" beside other values



=== TEST 39: two chains
--- keys
alpha
--- http_config
    agent_audit_chain off;
    agent_audit_chain off;  # fault
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        empty_gif;
    }
--- emerg
"agent_audit_chain" directive is duplicate



=== TEST 40: a chain in a location
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_audit logs/audit.log;
        agent_audit_chain off;  # fault
        empty_gif;
    }
--- emerg
"agent_audit_chain" directive is not allowed here
