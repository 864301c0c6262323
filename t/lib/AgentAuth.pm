package AgentAuth;

# Test::Nginx::Socket with this module loaded, keys made on the spot and the
# audit log read.  A suite is
#
#     # what breaks without it
#
#     use lib 't/lib';
#     use AgentAuth;
#
#     run_tests();
#
#     __DATA__
#
#     === TEST 1: a key of another service is refused
#     --- keys
#     alpha  scopes=invoices:read services=invoices
#     --- config
#         location /t { agent_auth key; agent_service payroll; empty_gif; }
#     --- request
#     GET /t
#     --- more_headers
#     X-API-Key: {{key 'alpha'}}
#     --- error_code: 403
#     --- audit
#     result=deny reason=key_service key_id={{key_id 'alpha'}}
#
# nginx listens on loopback, has a master and one worker (www-data when run as
# root), and logs at debug level.  Each block runs twice and no block may leave
# an alert, crit or emerg line, unless --- serious or --- error_log expects it.
#
# {{expr}} in any section is replaced by the value of the Perl expression; the
# filter "eval" knows the same functions, but runs before --- keys is read, so
# that it does not know a prefix or an imported value given there.
# A key that a test sends in a URL has a name that begins with "url".
# $TEST_NGINX_PORT_1 to _9 are ports that no other suite uses.  Besides the
# sections of Test::Nginx there are:
#
#   --- keys         the key file conf/keys.jsonl, and "agent_key_zone
#                    zone=keys:1m file=keys.jsonl check=100ms" unless the
#                    configuration has one.  A line is a record in JSON or a
#                    name and members: scopes, services and networks (comma-
#                    separated), agent, owner, state, created, not_before,
#                    expires, grace_until, successor, note, prefix, id,
#                    pepper=ID (an hmac digest), imported=VALUE
#   --- key_files    more of them: ">>> NAME [MODE]" and lines as above
#   --- pepper       the file conf/pepper, mode 0640, a pepper id a line
#   --- audit        one line for each audit line awaited since the last look,
#                    in order: words NAME=VALUE, NAME~REGEX or !NAME (absent),
#                    a NAME with dots being a path from the root of the object,
#                    other names those of %Short or members of
#                    unmapped.agent_auth; "none" where no line is awaited
#   --- audit_file   name of the audit log, default logs/audit.log
#   --- no_audit     "agent_audit logs/audit.log flush=20ms" is not put into a
#                    configuration that has agent_auth and no agent_audit
#   --- emerg        nginx must die, and each line of text stands in an [emerg]
#                    line; if the configuration has a line that ends with the
#                    comment "# fault", "in FILE:LINE" of that line too
#   --- startup      likewise for lines of any level that a start that ends
#                    well leaves in the error log
#   --- serious      the lines of level alert, crit and emerg that must come,
#                    and no other of these levels: "N TEXT", so many with this
#                    text in all, "Nx TEXT", so many in each repetition
#   --- run          Perl code to run in the place of a request, with what
#                    AgentClient exports; each answer that it tests with
#                    decided() must have its one audit line
#   --- after        Perl code to run after each repetition; may test

use strict;
use warnings;

use Cwd ();
use Compress::Raw::Zlib ();
use Digest::SHA qw/ sha256 sha256_hex hmac_sha256_hex /;
use File::Basename qw/ basename dirname /;
use File::Path qw/ make_path /;
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw/ encode_base64 /;
use Time::HiRes qw/ sleep time /;

our ($Root, $State, $Mode, $Suite);

# For how many seconds what must come is waited for.  It costs nothing while
# tests pass, and a busy machine may be slow.
our $Patience;
my $port_lock;


# Where tests put what they make: build/, or a directory in /tmp where the
# workers' user cannot get into the tree, as under /root.

sub state_dir {
    return $State if defined $State;
    return $ENV{TEST_AGENT_STATE} if $ENV{TEST_AGENT_STATE};
    return "$Root/build" if $> != 0;

    for (my $dir = $Root; $dir ne '/'; $dir = dirname($dir)) {
        return '/tmp/agent-auth-test' unless (stat $dir)[2] & 1;
    }

    return "$Root/build";
}


# Suites run side by side: each has ten ports, below the range from which the
# system takes those of outgoing connections.  It holds them by a UDP socket on
# the last one, which ends with the process and is seen from any tree.

sub claim_port {
    for my $slot (0 .. 199) {
        my $port = 20000 + 10 * $slot;

        $port_lock = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port + 9, Proto => 'udp') or next;

        return $port unless grep { !port_free($_) } $port .. $port + 9;
    }

    die "no free ports\n";
}


sub port_free {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $_[0], Listen => 1, ReuseAddr => 1);

    return defined $socket;
}


sub nginx_binary {
    return -x '/usr/sbin/nginx' ? '/usr/sbin/nginx' : 'nginx';
}


BEGIN {
    $Root = Cwd::abs_path(dirname(__FILE__) . '/../..');
    $Suite = basename($0, '.t');
    $Mode = $ENV{TEST_AGENT_MODE}
        // ($ENV{TEST_NGINX_USE_HUP} ? 'hup' : 'nginx');
    $State = state_dir();
    $Patience = 60;

    umask 022;
    make_path("$State/logs", "$State/audit", "$State/canary");

    my $port = claim_port();

    $ENV{TEST_NGINX_SERVER_PORT} //= $port;
    $ENV{"TEST_NGINX_PORT_$_"} //= $port + $_ for 1 .. 9;
    $ENV{TEST_NGINX_SERVROOT} //= "$State/servroot-$Mode-$Suite";
    $ENV{TEST_NGINX_BINARY} //= nginx_binary();
    $ENV{TEST_NGINX_TIMEOUT} //= $Patience;
    $ENV{TEST_NGINX_LOAD_MODULES} //=
        "$Root/build/ngx_http_agent_auth_module.so";
    $ENV{TEST_NGINX_WORKER_USER} //= 'www-data' if $> == 0;
}

use Test::Nginx::Socket ();
use Test::Base::Filter ();
use Test::More ();
use AgentClient ();

our @EXPORT = qw/
    key key_id key_secret key_digest key_hmac key_record imported
    imported_digest pepper_line planted write_keys write_file conf_file
    audit_lines audit_rest await http_get nginx_run run_tests state_dir
/;

# names for --- audit beside those under unmapped.agent_auth

our %Short = (
    agent     => 'actor.app_name',
    key_id    => 'actor.user.credential_uid',
    status    => 'http_response.code',
    verb      => 'http_request.http_method',
    path      => 'http_request.url.path',
    class_uid => 'class_uid',
);

my @Serious = qw/ alert crit emerg /;

my (%prefix, %imported, $block, $audit_offset, $startup_done, $repetitions);
my $starting;


sub import {
    my $caller = caller;

    strict->import;
    warnings->import;

    eval "package $caller; use Test::Nginx::Socket; use AgentClient; 1"
        or die $@;

    no strict 'refs';
    no warnings qw/ redefine prototype /;

    # the filter "eval" runs its code in a package of its own
    for my $name (@EXPORT) {
        *{"${caller}::$name"} = \&$name;
        *{"Test::Base::Filter::$name"} = \&$name
            unless Test::Base::Filter->can($name);
    }
}


# Every secret that a test gets begins with CANARY.  t/canary searches the logs
# for what is recorded here.  The key of a name that begins with "url" is for
# a URL, which nginx logs: it may stand where nginx prints, but not where this
# module does.

sub planted {
    my ($value, $where) = @_;

    open my $out, '>>', "$State/canary/secrets" or die "canary: $!\n";
    print $out unpack('H*', $value), $where ? " $where" : '', "\n";
    close $out;

    return $value;
}


sub base62 {
    my ($octets, $length) = @_;

    my @alphabet = (0 .. 9, 'A' .. 'Z', 'a' .. 'z');

    # the bias does no harm here
    my $text = join '', map { $alphabet[ord($_) % 62] } split //, $octets;

    return substr $text, 0, $length;
}


# key 'alpha': a key of the issued form, the same at each call.  Options:
# prefix; secret => another secret, id => another id; check => another check.

sub key {
    my ($name, %option) = @_;

    my $prefix = $option{prefix} // $prefix{$name} // 'agk';
    my $id = $option{id} // key_id($name);
    my $secret = exists $option{secret} ? planted($option{secret})
                                        : key_secret($name);
    my $value = "${prefix}_${id}_$secret";

    return $value . ($option{check} // key_check($value));
}


sub key_id {
    my ($name) = @_;

    (my $id = $name) =~ s/[^0-9A-Za-z]//g;

    return substr $id . 'Z' x 16, 0, 16;
}


sub key_secret {
    my ($name) = @_;

    my $seed = sha256("secret of $name") . sha256("more of $name");

    return planted('URLKEY' . base62($seed, 37), 'url') if $name =~ /^url/;
    return planted('CANARY' . base62($seed, 37));
}


sub key_check {
    my $crc = Compress::Raw::Zlib::crc32($_[0]);
    my $check = '';

    for (1 .. 6) {
        $check = (0 .. 9, 'A' .. 'Z', 'a' .. 'z')[$crc % 62] . $check;
        $crc = int($crc / 62);
    }

    return $check;
}


sub key_digest {
    return 'sha256:' . sha256_hex(key_secret($_[0]));
}


sub key_hmac {
    my ($name, $pepper) = @_;

    return "hmac-sha256:$pepper:"
        . hmac_sha256_hex(key_secret($name), pepper_key($pepper));
}


# imported 'old': a foreign key, unless --- keys gave it a value

sub imported {
    my ($name) = @_;

    return planted($imported{$name} // "CANARY." . sha256_hex("foreign $name"));
}


sub imported_digest {
    return 'sha256:' . sha256_hex(imported($_[0]));
}


sub pepper_key {
    my ($id) = @_;

    return planted('CANARY' . substr(sha256("pepper $id"), 0, 26));
}


sub pepper_line {
    my ($id) = @_;

    return "$id " . planted(encode_base64(pepper_key($id), '')) . "\n";
}


# key_record 'alpha', scopes => 'a:b,c:d', ...: a line of the key file

sub key_record {
    my ($name, %member) = @_;

    $prefix{$name} = delete $member{prefix} if exists $member{prefix};
    $imported{$name} = $member{imported}
        if ($member{imported} // 1) ne '1';

    my %record = (
        id      => key_id($name),
        agent   => $name,
        state   => 'active',
        expires => '2099-01-01T00:00:00Z',
    );

    if (exists $member{imported}) {
        $record{id} = $name;
        $record{digest} = imported_digest($name);
        $record{imported} = JSON::PP::true;
        delete $member{imported};

    } elsif (exists $member{pepper}) {
        $record{digest} = key_hmac($name, delete $member{pepper});

    } else {
        $record{digest} = key_digest($name);
    }

    for my $list (qw/ scopes services networks /) {
        next unless exists $member{$list};
        $record{$list} = [ split /,/, delete $member{$list} ];
    }

    %record = (%record, %member);

    return JSON::PP->new->canonical->encode(\%record) . "\n";
}


sub key_lines {
    my ($text) = @_;

    return join '', map {
        my ($name, @members) = split;
        my %member = map { split /=/, $_, 2 } @members;

        /^\s*(?:\{.*)?$/ ? "$_\n" : key_record($name, %member);

    } grep { /\S/ } split /\n/, $text;
}


sub conf_file {
    my ($name) = @_;

    return $name =~ m{^/} ? $name : server_root() . "/conf/$name";
}


# Replaces a file by renaming, as agentctl does.  Group and mode are what the
# manual asks for: read by the workers, written by root.

sub write_file {
    my ($name, $text, $mode) = @_;

    my $path = conf_file($name);

    open my $out, '>', "$path.new" or die "$path.new: $!\n";
    binmode $out;
    print $out $text;
    close $out or die "$path.new: $!\n";

    chmod $mode // 0640, "$path.new";
    chown 0, (getgrnam 'www-data')[2], "$path.new" if $> == 0;
    rename "$path.new", $path or die "$path: $!\n";
}


sub write_keys {
    my ($name, $text) = @_;

    write_file($name, key_lines($text));
}


sub write_key_files {
    write_keys('keys.jsonl', $block->keys) if defined $block->keys;

    if (defined $block->pepper) {
        write_file('pepper',
            join '', map { pepper_line($_) } split ' ', $block->pepper);
    }

    my ($name, $mode);
    my $text = '';

    my $done = sub {
        write_file($name, key_lines($text), $mode) if defined $name;
        $text = '';
    };

    for (split /^/, $block->key_files // '') {
        if (/^>>>\s+(\S+)(?:\s+(\d+))?/) {
            $done->();
            ($name, $mode) = ($1, defined $2 ? oct $2 : undef);

        } else {
            $text .= $_;
        }
    }

    $done->();
}


sub server_root {
    return $Test::Nginx::Util::ServRoot;
}


# Polls until the code returns true; the deadline is generous, as nothing
# waits for it but a test that fails.

sub await {
    my ($code, $what, $seconds) = @_;

    my $deadline = time + ($seconds // $Patience);

    for ( ;; ) {
        my $value = $code->();
        return $value if $value;
        last if time > $deadline;
        sleep 0.005;
    }

    Test::More::diag("waited in vain for " . ($what // 'an event'));
    return;
}


sub audit_path {
    return server_root() . '/'
        . (defined $block->audit_file ? trimmed($block->audit_file)
                                      : 'logs/audit.log');
}


# audit_lines N: waits for N more lines of the audit log, decoded

sub audit_lines {
    my ($n, $path) = @_;

    $path //= audit_path();

    my @lines;

    await(sub { @lines = unread($path); @lines >= $n }, "$n audit lines");

    $audit_offset->{$path} += length for @lines;

    return map { JSON::PP->new->utf8->decode($_) } @lines;
}


# what has come since, without waiting

sub audit_rest {
    my $path = $_[0] // audit_path();
    my @lines = unread($path);

    $audit_offset->{$path} += length for @lines;

    return map { JSON::PP->new->utf8->decode($_) } @lines;
}


sub unread {
    my ($path) = @_;

    open my $in, '<', $path or return;
    binmode $in;
    seek $in, $audit_offset->{$path} // 0, 0;

    return grep { /\n\z/ } <$in>;
}


# http_get '/path', Name => value, ...: (status, headers as text, body)

sub http_get {
    my ($path, @headers) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $ENV{TEST_NGINX_SERVER_PORT},
        Timeout  => $Patience,
    ) or return (0, '', '');

    my $request = "GET $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $request .= "$name: $value\r\n";
    }

    print $socket "$request\r\n";

    my $answer = do { local $/; <$socket> } // '';
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;

    return ($answer =~ m{^HTTP/1\.\d (\d+)} ? $1 : 0, $head // '', $body // '');
}


# nginx_run '-t': runs nginx with the block's configuration; (status, output)

sub nginx_run {
    my $root = server_root();
    my $binary = $ENV{TEST_NGINX_BINARY};

    local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '') . ',detect_leaks=0';

    my $output = `$binary -e $root/logs/run.log -p $root/ \\
        -c $root/conf/nginx.conf @_ 2>&1`;

    return ($? >> 8, $output);
}


sub run_tests {
    Test::Nginx::Util::no_shuffle();
    Test::More::plan('no_plan') unless Test::More->builder->has_plan;
    Test::Nginx::Util::run_tests();
}


sub trimmed {
    my ($text) = @_;

    $text =~ s/^\s+|\s+\z//g;

    return $text;
}


sub expand {
    my ($value) = @_;

    if (ref $value eq 'ARRAY') {
        return [ map { expand($_) } @$value ];
    }

    return $value if ref $value || !defined $value || $value !~ /\{\{/;

    $value =~ s{\{\{(.+?)\}\}}{
        my $result = eval "package main; $1";
        die "{{$1}}: $@" if $@;
        $result;
    }ges;

    return $value;
}


sub sections {
    my ($given) = @_;

    $block = $given;
    $audit_offset = {};
    $startup_done = 0;
    $repetitions = 0;
    $starting = 0;

    # the records first: they tell prefixes and foreign values

    for my $name (qw/ keys key_files /) {
        next unless defined $block->$name;
        $block->set_value($name, expand($block->$name));
        key_lines(join '', grep { !/^>>>/ } split /^/, $block->$name);
    }

    for my $name (@{ $block->_section_order }) {
        my @value = $block->$name;
        next unless grep { defined && (ref eq 'ARRAY' || /\{\{/) } @value;
        $block->set_value($name, map { expand($_) } @value);
    }

    configure();
    log_checks();
}


sub configure {
    my $text = join "\n", map { $_ // '' } $block->main_config,
        $block->http_config, $block->config;
    my $add = '';

    if (defined $block->keys && $text !~ /\bagent_key_zone\b/) {
        $add .= "    agent_key_zone zone=keys:1m file=keys.jsonl"
            . " check=100ms;\n";
    }

    if ($text =~ /\bagent_auth\s/ && $text !~ /\bagent_audit\b/
        && !defined $block->no_audit)
    {
        $add .= "    agent_audit logs/audit.log flush=20ms;\n";
    }

    $block->set_value(http_config => $add . ($block->http_config // ''))
        if $add ne '';
}


sub log_checks {
    if (defined $block->emerg) {
        $block->set_value(must_die => '');
        $block->set_value(suppress_stderr => '');
        $block->set_value(error_log => '[emerg]')
            unless defined $block->error_log;
    }

    leak_checks();

    return if defined $block->must_die || defined $block->serious;

    my $given = $block->no_error_log;
    my @patterns = !defined $given ? ()
        : ref $given eq 'ARRAY' ? @$given
        : ref $given ? ($given) : split /\n+/, $given;

    my $expected = $block->error_log // '';
    $expected = join "\n", @$expected if ref $expected eq 'ARRAY';

    for my $level (@Serious) {
        push @patterns, "[$level]" unless $expected =~ /\[?\b$level\b/
            || grep { $_ eq "[$level]" } @patterns;
    }

    $block->set_value(no_error_log => \@patterns);
}


# nginx frees nothing when it refuses a configuration

sub leak_checks {
    return unless defined $ENV{ASAN_OPTIONS};

    our $asan_options //= $ENV{ASAN_OPTIONS};

    # which Test::Nginx takes the options for each block from
    $ENV{ORI_ASAN_OPTIONS} = $asan_options
        . (defined $block->must_die ? ',detect_leaks=0' : '');
}


# For each expected text: a line of the error log with it, naming the line of
# the configuration that is marked as the fault.

sub check_messages {
    my ($expected, $level) = @_;

    my $name = $block->name;
    my $root = server_root();
    my $place = fault_line("$root/conf/nginx.conf");

    open my $in, '<', "$root/logs/error.log";
    my @lines = grep { $level eq '' || /\[\Q$level\E\]/ } <$in>;

    for my $text (grep { /\S/ } split /\n/, $expected) {
        my @found = grep { index($_, $text) >= 0 } @lines;

        Test::More::ok(scalar @found, "$name - says \"$text\"")
            or Test::More::diag("these came:\n", @lines);

        next unless @found && defined $place;

        Test::More::ok(scalar(grep { / in \Q$place\E$/ } @found),
            "$name - says where it is")
            or Test::More::diag("not \"in $place\":\n", @found);
    }
}


# Each serious line is one that the block names, and has come as often as it
# says.  Of a worker that was killed the master may say so a little later.

sub check_serious {
    my ($repetition) = @_;

    my %expected = map {
        /^\s*(\d+)(x?)\s+(.*\S)/ or die "not understood: $_\n";
        $3 => $2 ? $1 * $repetition : $1 + 0;
    } grep { /\S/ } split /\n/, $block->serious;

    my (%came, @other);

    my $look = sub {
        %came = map { $_ => 0 } keys %expected;
        @other = ();

        open my $in, '<', server_root() . '/logs/error.log' or return;

        for (<$in>) {
            next unless /\[(\w+)\] / && grep { $_ eq $1 } @Serious;

            my $line = $_;
            my ($text) = grep { index($line, $_) >= 0 } sort keys %expected;

            defined $text ? $came{$text}++ : push @other, $line;
        }

        return !grep { $came{$_} < $expected{$_} } keys %expected;
    };

    await($look, 'serious lines');

    Test::More::is_deeply(\%came, \%expected,
        $block->name . ' - serious lines');
    Test::More::is("@other", '', $block->name . ' - and no other');
}


sub fault_line {
    my ($path) = @_;

    open my $in, '<', $path or return;

    while (<$in>) {
        return "$path:$." if /#\s*fault\s*$/;
    }

    return;
}


sub check_audit {
    return unless defined $block->audit;

    my $name = $block->name;
    my @expected = grep { /\S/ } split /\n/, $block->audit;
    @expected = () if trimmed($block->audit) eq 'none';

    my @lines = audit_lines(scalar @expected);

    Test::More::is(scalar @lines, scalar @expected,
        "$name - number of audit lines");

    for my $i (0 .. $#expected) {
        check_audit_line($lines[$i] // {}, $expected[$i],
            "$name - audit line " . ($i + 1));
    }
}


sub check_audit_line {
    my ($line, $expected, $name) = @_;

    while ($expected =~ /\G\s*(!?)([\w.\[\]]+)(?:([=~])("[^"]*"|\S*))?/gc) {
        my ($absent, $path, $operator, $value) = ($1, $2, $3, $4);
        my $got = member($line, $Short{$path}
            // ($path =~ /\./ ? $path : "unmapped.agent_auth.$path"));

        $got = JSON::PP->new->canonical->allow_nonref->encode($got)
            if ref $got;

        $value =~ s/^"(.*)"\z/$1/s if defined $value;

        if ($absent || !defined $operator) {
            Test::More::is(defined $got ? 'present' : 'absent',
                $absent ? 'absent' : 'present', "$name - $path");

        } elsif ($operator eq '=') {
            Test::More::is($got, $value, "$name - $path");

        } else {
            Test::More::like($got // '', qr/$value/, "$name - $path");
        }
    }

    Test::More::fail("$name - not understood: "
        . substr $expected, pos($expected) // 0)
        if $expected =~ /\G\s*\S/gc;
}


# One audit line for each answer that decided() was asked about, known by the
# id of its request.

sub check_promised {
    my @promised = AgentClient::promised() or return;

    my %line;

    await(sub {
        %line = ();
        open my $in, '<', audit_path() or return;

        for (grep { /\n\z/ } <$in>) {
            push @{ $line{$1} }, $_ if /"uid":"([0-9a-f]{32})"/;
        }

        return !grep { !$line{$_->[0]} } @promised;

    }, 'the audit lines');

    my @got = map { verdict_of(@{ $line{$_->[0]} // [] }) } @promised;

    Test::More::is_deeply(\@got, [ map { $_->[1] } @promised ], $block->name
        . ' - the audit lines of these requests');
}


sub verdict_of {
    return scalar @_ . ' lines' unless @_ == 1;

    my $line = JSON::PP->new->utf8->decode($_[0]);

    return join ' ', map { member($line, $_) // '-' }
        'unmapped.agent_auth.result', 'unmapped.agent_auth.reason',
        'http_response.code';
}


sub run_code {
    my ($section, $repeated) = @_;

    AgentClient::promised();

    eval "package main; no strict; " . $block->$section . "; 1"
        or Test::More::fail($block->name . " - $section: $@");

    return if $section eq 'after';

    check_promised();
    $Test::Nginx::Util::CheckErrorLog->($block, undef, 0, $repeated, 0);
}


sub member {
    my ($value, $path) = @_;

    for my $step ($path =~ /[^.\[\]]+/g) {
        $value = ref $value eq 'HASH' ? $value->{$step}
            : ref $value eq 'ARRAY' && $step =~ /^\d+$/ ? $value->[$step]
            : return;
    }

    return $value;
}


# The links outlive the files: Test::Nginx removes these before the next block,
# and nginx writes to them when it exits.

sub keep_logs {
    my ($number) = $block->name =~ /TEST (\d+)/;
    my $name = "$Mode-$Suite-" . ($number // unpack '%32C*', $block->name);

    for my $file (glob server_root() . '/logs/*') {
        next if !-f $file || $file =~ /\.pid$/;

        my $base = basename($file);
        my $kept = ($base =~ /audit/ ? "$State/audit" : "$State/logs")
            . "/$name-$base";

        unlink $kept;
        link $file, $kept or die "$kept: $!\n";
    }
}


sub start_refused {
    return if !$starting || defined $block->must_die
        || -f $Test::Nginx::Util::PidFile;

    open my $in, '<', server_root() . '/logs/error.log' or return;

    for (<$in>) {
        Test::Nginx::Util::bail_out($block->name . " - $_")
            if /\[emerg\]/ && !/bind\(\)/;
    }
}


# Between USR1 and HUP: a master that gets both at a time makes workers that
# open the logs anew before it does, which they may not.

sub logs_reopened {
    return unless -f $Test::Nginx::Util::PidFile;

    await(sub { -f server_root() . '/logs/error.log' }, 'the master to reopen');
}


# Test::Nginx asks kill() and then ps, and takes a process that was waited for
# between them for one that runs.  Whoever is to wait for it may be slow, too.

sub running {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/stat" or return 0;

    return (<$in> // '') =~ /\) [^ZX]/ ? 1 : 0;
}


# Some lines of the error log come after the answer, from the phase of logs.
# Test::Nginx waits for 45 ms and looks once.

sub await_expected_lines {
    my $expected = $block && $block->error_log;

    return if !defined $expected || defined $block->must_die;

    my @patterns = map { ref ? $_ : qr/\Q$_\E/ }
        ref $expected eq 'ARRAY' ? grep { defined } @$expected
        : ref $expected ? $expected : split /\n+/, $expected;

    await(sub {
        open my $in, '<', $Test::Nginx::Util::ErrLogFile or return;
        seek $in, $Test::Nginx::Util::ErrLogFilePos // 0, 0;
        my @lines = <$in>;

        return !grep { my $pattern = $_; !grep { /$pattern/ } @lines }
            @patterns;
    }, 'lines of the error log');
}


sub install_hooks {
    no warnings qw/ redefine prototype once /;

    # what stops one suite is no reason to stop the others

    *Test::More::BAIL_OUT = sub {
        Test::More::fail("stopped: @_");
        exit 255;
    };

    my $write_user_files = \&Test::Nginx::Util::write_user_files;
    *Test::Nginx::Util::write_user_files = sub {
        &$write_user_files;
        write_key_files();
    };

    my $write_config_file = \&Test::Nginx::Util::write_config_file;
    *Test::Nginx::Util::write_config_file = sub {
        &$write_config_file;
        $starting = 1;

        my $path = $Test::Nginx::Util::ConfFile;
        open my $in, '<', $path or die "$path: $!\n";
        my $text = do { local $/; <$in> };
        $text =~ s/^(\s*listen\s+)(\d+)/${1}127.0.0.1:$2/mg;
        open my $out, '>', $path or die "$path: $!\n";
        print $out $text;
        close $out;
    };

    # a start is tried for 30 seconds, as a port may be busy: a configuration
    # that is refused will not get better

    my $sleep = \&Test::Nginx::Util::sleep;
    *Test::Nginx::Util::sleep = sub {
        start_refused();
        &$sleep;
        logs_reopened() if $ENV{TEST_NGINX_USE_HUP};
    };

    *Test::Nginx::Util::is_running = sub ($) { return running($_[0]) };
    *Test::Nginx::Socket::is_running = \&Test::Nginx::Util::is_running;

    my $error_log_data = \&Test::Nginx::Util::error_log_data;
    *Test::Nginx::Socket::error_log_data = sub () {
        await_expected_lines();
        &$error_log_data;
    };

    my $run_test_helper = $Test::Nginx::Util::RunTestHelper;
    $Test::Nginx::Util::RunTestHelper = sub {
        # from here on an [emerg] line is of a reload, not of the start
        $starting = 0;

        defined $block->run ? run_code('run', $_[2]) : &$run_test_helper;
        check_messages($block->startup, '')
            if defined $block->startup && !$startup_done++;
        check_serious(++$repetitions) if defined $block->serious;
        check_audit();
        run_code('after') if defined $block->after;
    };

    my $check_error_log = $Test::Nginx::Util::CheckErrorLog;
    $Test::Nginx::Util::CheckErrorLog = sub {
        &$check_error_log;
        check_messages($block->emerg, 'emerg') if defined $block->emerg;
    };

    Test::Nginx::Util::add_block_preprocessor(\&sections);
    Test::Nginx::Util::add_test_cleanup_handler(\&keep_logs);
}


install_hooks();

# a suite that is ended from outside ends its nginx
$SIG{TERM} = sub { exit 143 };

Test::Nginx::Util::repeat_each(2);
Test::Nginx::Util::master_on();
Test::Nginx::Util::workers(1);
Test::Nginx::Util::server_addr('127.0.0.1');
Test::Nginx::Util::worker_connections(256);
Test::Nginx::Util::no_long_string();

1;
