# The configurations of conf-examples do as they stand what their comments say.
# Without this an example could name what nginx no longer takes, or promise an
# answer that it does not give.
#
# The comment at the head of each nginx.conf has commands, indented by four
# more columns.  Those before the first curl are run before nginx is started; a
# curl must get the status that its comment names, "soon" within seconds.  Only
# paths, ports and the words "load_module modules/" are changed here.  Those
# that name 127.0.0.1:8088 or 8089 find the authorization server of t/as there,
# one for all.

use strict;
use warnings;

use lib 't/lib';
use AgentAS ();
use AgentAuth ();

use File::Basename qw/ basename dirname /;
use File::Copy qw/ copy /;
use File::Path qw/ make_path remove_tree /;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

if (($ENV{TEST_AGENT_MODE} // '') eq 'hup' || $ENV{TEST_NGINX_USE_HUP}) {
    plan(skip_all => 'nothing is reloaded here');
}

plan(skip_all => $ENV{TEST_AGENT_NO_AS}) if $ENV{TEST_AGENT_NO_AS};

my $root = $AgentAuth::Root;
my $state = "$AgentAuth::State/examples-$AgentAuth::Mode";
my $nginx = $ENV{TEST_NGINX_BINARY};
my $module = $ENV{TEST_NGINX_LOAD_MODULES};
my $agentctl = $ENV{AGENTCTL} // "$root/build/agentctl";
my $seconds = $AgentAuth::Patience;
my %as;

# what the upstream was sent (the body of the answer to the curl of that
# number), what the audit log must have, and what the client got (the head)

my %more = (
    'internal-keys' => sub {
        my ($bodies, $events) = @_;

        is($bodies->[0], "agent=billing auth=\n",
            'the upstream gets an identity and no credential');
        is(scalar @$events, 6, 'no audit line for /health');
        is_deeply([ map { reason($_) } @$events ],
            [ qw/ ok ok credential_missing key_service key_network
                  scope_insufficient / ], 'reasons');
    },

    'several-services' => sub {
        my ($bodies, $events) = @_;

        is_deeply([ map { $_->{unmapped}{agent_auth}{service} // '-' }
                    @$events ],
            [ ('orders') x 7, ('ledger') x 4, '-' ], 'services');
        is(reason($events->[5]), 'scope_insufficient',
            'an unheard-of method needs the most');
    },

    'behind-proxy' => sub {
        my ($bodies, $events) = @_;

        is($bodies->[0], "agent=partner from=203.0.113.9 cert=\n",
            'the address goes on');
        is($bodies->[9], "agent=partner from=203.0.113.9 cert=:MAA=:\n",
            'a certificate, of the balancer');
        is($bodies->[10], "agent=local from=127.0.0.2 cert=\n",
            'and not of anybody else');
        is_deeply([ map { $_->{src_endpoint}{ip} } @$events ],
            [ qw/ 203.0.113.9 2001:db8:7::1 198.51.100.1 198.51.100.1
                  127.0.0.1 198.51.100.1 198.51.100.1 203.0.113.9
                  203.0.113.9 203.0.113.9 127.0.0.2 / ],
            'addresses in the audit log');
        is(reason($events->[3]), 'key_network',
            'what the client put there itself does not count');
        is_deeply([ map { reason($_) } @$events[5 .. 8] ],
            [ qw/ token_inactive rate_limited token_inactive ok / ],
            'tokens never seen');
    },

    'status' => sub {
        my ($bodies, $events, $dir) = @_;

        my $state = JSON::PP->new->utf8->decode($bodies->[3]);
        my %by = map { $_->{reason} => $_->{count} }
            @{ $state->{decisions}{by} };

        is_deeply(\%by, { ok => 1, key_unknown => 1,
            credential_missing => 1 }, 'what became of the requests');
        is(scalar(grep { $_->{code} eq 'keys_expiring' }
                  @{ $state->{advice} }), 1, 'advice');
        like($bodies->[4], qr/^nginx_agent_decisions_total\{reason="ok"/m,
            'metrics');
        like($bodies->[5], qr/^<!DOCTYPE html>/, 'a page');

        $state = JSON::PP->new->utf8->decode($bodies->[8]);
        is($state->{key_zones}[0]{states}{active}, 2, 'with a key');

        SKIP: {
            my ($promtool) = grep { -x } map { "$_/promtool" }
                split(/:/, $ENV{PATH}), "$root/build";

            skip('SKIPPED: promtool is not installed', 2) unless $promtool;

            my $output = `$promtool check rules $root/conf-examples/status/alerts.yml 2>&1`;
            is($?, 0, 'promtool takes the alerts') or diag($output);

            $output = `$promtool check config $root/conf-examples/status/prometheus.yml 2>&1`;
            is($?, 0, 'and the scrape configuration') or diag($output);
        }
    },

    'rate-limit' => sub {
        my ($bodies, $events) = @_;

        is(scalar @$events, 17, 'one line for each request');
        is(reason($events->[$_]), 'not_evaluated',
            'a limited request is not judged') for 2, 7;

        for my $one ([ 10, 'crawler' ], [ 14, 'agent-basic' ]) {
            my $event = $events->[$one->[0]];

            is($event->{actor}{app_name}, $one->[1],
                'one that was judged before has its agent');
            is($event->{status_code}, 429, 'and its status');
        }
    },

    'observe-first' => sub {
        my ($bodies, $events, $dir) = @_;

        is_deeply([ map { reason($_) } @$events ],
            [ qw/ credential_missing scope_insufficient credential_missing
                  credential_missing ok / ], 'reasons');
        is($events->[0]{unmapped}{agent_auth}{result}, 'would_deny',
            'observed');
        like($bodies->[1], qr/^auth=Bearer agk_/,
            'in observe the credential goes on');
        is($bodies->[4], "auth=\n", 'in enforce it does not');

        my ($command) = read_file("$dir/conf/nginx.conf") =~ /^#     (perl .*)/m;
        is(`$command`, <<'END', 'the command that sorts them');
2 127.0.0.1 unauthenticated GET / credential_missing
1 127.0.0.1 billing-bot GET / scope_insufficient
END
    },

    'key-delivery' => sub {
        my ($bodies, $events) = @_;

        is(reason($events->[-1]), 'key_revoked', 'revoked');
    },

    'vault-agent' => sub {
        my ($bodies, $events, $dir) = @_;

        my $agent = read_file("$root/conf-examples/vault-agent/agent.hcl");

        is_deeply([ map { s{.*/}{}r } $agent =~ /destination += "(.*)"/g ],
            [ qw/ keks keys.jwe / ], 'what the agent renders');
        like(`$dir/bin/agentctl envelope info --file $dir/conf/secrets/keys.jwe`,
            qr/^KEK +k2 /m, 'the new KEK');
        no_plain_text($dir, 'secrets');
    },

    'systemd-credentials' => sub {
        my ($bodies, $events, $dir) = @_;

        is(reason($events->[-1]), 'key_revoked', 'revoked');
        no_plain_text($dir, '.');
        unit("$root/conf-examples/systemd-credentials/agent-auth.conf", $dir);
    },

    'kubernetes-secret' => sub {
        my ($bodies, $events, $dir) = @_;

        is(reason($events->[-1]), 'key_revoked', 'revoked');
        is(readlink "$dir/conf/keys/..data", '..2026_02', 'swapped');
        no_plain_text($dir, 'keys');
        manifest("$root/conf-examples/kubernetes-secret/gate.yaml");
    },

    'control' => sub {
        my ($bodies, $events) = @_;

        is_deeply([ map { "$_->{unmapped}{agent_control}{change} "
                          . ($_->{src_endpoint}{ip} // $_->{actor}{app_name}) }
                    grep { $_->{class_uid} == 3004 } @$events ],
            [ 'suspend unix:', 'resume unix:', 'revoke 127.0.0.1',
              'unrevoke unix:' ], 'who changed what');
    },

    'security-events' => sub {
        my ($bodies, $events) = @_;

        like($bodies->[2], qr/"invalid_audience"/, 'for another receiver');
        like($bodies->[3], qr/"err":"invalid_request"/, 'no event');
        is_deeply([ map { reason($_) } grep { $_->{class_uid} == 6003 }
                    @$events ],
            [ qw/ ok ok ok token_revoked ok token_revoked / ], 'reasons');
        is_deeply([ map { $_->{unmapped}{agent_control}{change} }
                    grep { $_->{class_uid} == 3004 } @$events ],
            [ qw/ revoke revoke / ], 'what was done');
    },

    'foreign-keys' => sub {
        my ($bodies, $events) = @_;

        is($bodies->[0], "key=shop-1 token= auth=\n", 'hidden');
        is_deeply([ map { reason($_) } @$events[0 .. 3] ],
            [ qw/ ok key_unknown credential_multiple credential_missing / ],
            'reasons');
        ok($events->[-1]{unmapped}{agent_auth}{deprecated}, 'deprecated');
    },

    'mcp-server' => sub {
        my ($bodies, $events, $dir, $heads) = @_;

        my $text = read_file("$dir/conf/nginx.conf");

        is($bodies->[4], "agent=agent-basic tool=make_invoice auth=\n",
            'the token is not passed on');
        is_deeply([ map { reason($_) } @$events ],
            [ qw/ credential_missing ok ok scope_insufficient ok
                  scope_insufficient ok mcp_invalid mcp_invalid ok
                  audience_mismatch mcp_invalid not_evaluated / ],
            'reasons');
        is_deeply([ map { $_->{unmapped}{agent_auth}{mcp}{name} // '-' }
                    @$events[2, 5, 6] ],
            [ qw/ find_invoice drop_all find_invoice / ], 'tools');
        like($heads->[0], qr/^WWW-Authenticate: .*scope="tools:list"/m,
            'what the operation needs');

        my ($where) = $heads->[0] =~ /resource_metadata="(.*?)"/;
        like($heads->[3], qr/resource_metadata="\Q$where\E"/,
            'where the metadata are');
        like($text, qr/^#     curl \Q$where\E /m, 'which is so');

        my $document = JSON::PP->new->utf8->decode($bodies->[11]);
        is($document->{resource} . " @{ $document->{authorization_servers} }",
            $where =~ s/\.well-known.*//r . 'mcp ' . $as{8088}->issuer,
            'the resource and its authorization server');
        like($heads->[3],
            qr/insufficient_scope", scope="tools:call invoices:write"/,
            'all of it at once');
        like($heads->[5], qr/insufficient_scope", scope="admin"/,
            'a tool that nobody thought of');
        unlike($heads->[$_], qr/WWW-Authenticate/,
            'no token helps') for 7, 8, 12;
    },

    'hybrid' => sub {
        my ($bodies, $events, $dir) = @_;

        is($bodies->[0], "agent=nightly type=key issuer= auth=\n", 'a key');
        is($bodies->[2], 'agent=agent-basic type=oauth issuer='
            . $as{8088}->issuer . " auth=\n", 'a token');
        is_deeply([ map { reason($_) } @$events ],
            [ qw/ ok ok ok credential_multiple key_service audience_mismatch
                  scope_insufficient scope_insufficient ok key_unknown / ],
            'reasons');

        my ($cache, $keys) = read_file("$dir/conf/nginx.conf")
            =~ /^#     (perl .*)/mg;
        is(`$cache`, "1 hit ok\n1 hit scope_insufficient\n"
            . "1 miss audience_mismatch\n1 miss ok\n", 'verdicts counted');
        like(`$keys`, qr/\A2 nightly team-bi \w{16}\n\z/,
            'the command that tells who has a key');
    },

    'several-providers' => sub {
        my ($bodies, $events) = @_;

        is($bodies->[0], 'agent=agent-basic issuer=' . $as{8088}->issuer
            . "\n", 'of the company');
        is($bodies->[2], 'agent=agent-basic issuer=' . $as{8089}->issuer
            . "\n", 'of a partner');
        is_deeply([ map { reason($_) } @$events ],
            [ qw/ ok token_inactive ok token_inactive ok not_evaluated ok ok /
            ], 'reasons');
        is_deeply([ @$bodies[7, 8] ], [ map { 'agent=agent-basic issuer='
            . $as{$_}->issuer . "\n" } 8088, 8089 ], 'JWTs of both');
        is_deeply([ sort @{ JSON::PP->new->utf8->decode($bodies->[6])
                        ->{authorization_servers} } ],
            [ sort map { $as{$_}->issuer } 8088, 8089 ],
            'both are in the metadata');
    },

    'browser-clients' => sub {
        my ($bodies, $events, $dir, $heads) = @_;

        my $allowed = qr{^Access-Control-Allow-Origin: (.*)\r}m;
        my $origin = 'https://app.example.com';

        is_deeply([ $heads->[$_] =~ /$allowed/g ], [ $origin ],
            "request $_: this origin, once") for 0 .. 3;
        is_deeply([ $heads->[$_] =~ /$allowed/g ], [],
            "request $_: not that one") for 4, 5;
        is_deeply([ $heads->[6] =~ /$allowed/g ], [ '*' ],
            'metadata: any origin');
        like($heads->[$_], qr/^Vary: Origin\r/m, "request $_: Vary")
            for 0 .. 5;
        like($heads->[0], qr/^Access-Control-Allow-Headers: Authorization/m,
            'the preflight allows the credential');
        like($heads->[$_], qr/^WWW-Authenticate: Bearer /m,
            "request $_: a challenge") for 1, 3;
        like($heads->[$_],
            qr/^Access-Control-Expose-Headers: WWW-Authenticate, /m,
            "request $_: which the script may read") for 1, 2, 3;
        is($bodies->[2], "agent=agent-basic auth=\n", 'no token goes on');
        is_deeply([ map { reason($_) } @$events ],
            [ qw/ not_evaluated credential_missing ok scope_insufficient ok
                  not_evaluated / ], 'reasons');
    },

    'opaque-tokens' => sub {
        my ($bodies, $events) = @_;

        is($bodies->[0], "agent=billing-bot type=oauth user=alice auth=\n",
            'the upstream gets who it is and no token');
        is($bodies->[6], "agent=nightly type=key user= auth=\n",
            'a key will do, too');
        is_deeply([ map { reason($_) } @$events ],
            [ qw/ ok ok token_inactive audience_mismatch binding_missing
                  scope_insufficient ok credential_missing / ], 'reasons');
    },
);


sub reason {
    return $_[0]{unmapped}{agent_auth}{reason};
}


# no key file has a record that can be read

sub no_plain_text {
    my ($dir, $where) = @_;

    my @files = grep { -f } glob "$dir/conf/$where/* $dir/conf/$where/.*";

    cmp_ok(scalar @files, '>', 0, 'there are files');
    is(join(' ', grep { read_file($_) =~ /crawler|"digest"/ }
                 grep { !/nginx\.conf\z/ } @files), '', 'encrypted');
}


# what systemd says of a drop-in

sub unit {
    my ($dropin, $dir) = @_;

    my ($tool) = grep { -x } map { "$_/systemd-analyze" } split /:/, $ENV{PATH};

    return pass('# SKIP no systemd-analyze: the unit is not checked')
        unless $tool;

    make_path("$dir/units/nginx.service.d");
    copy($dropin, "$dir/units/nginx.service.d/");

    open my $out, '>', "$dir/units/nginx.service" or die $!;
    print $out "[Service]\nType=forking\nExecStart=/bin/true\n";
    close $out;

    my $said = `$tool verify --man=no $dir/units/nginx.service 2>&1`;

    is(join('', $said =~ /^.*agent-auth\.conf.*\n/mg), '',
        'nothing to complain about in the unit');
}


# that it is YAML, and what mode the KEK file has

sub manifest {
    my ($file) = @_;

    my $json = `/usr/bin/python3 -c 'import json, sys, yaml
print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))' $file 2>/dev/null`;

    return pass('# SKIP no yaml of Python: the manifest is not checked')
        if $? && system('/usr/bin/python3 -c "import yaml" 2>/dev/null');

    is($?, 0, 'it is YAML') or return;

    my ($deployment) = grep { $_->{kind} eq 'Deployment' }
        @{ JSON::PP->new->utf8->decode($json) };
    my %secret = map { $_->{secret} ? ($_->{name} => $_->{secret}) : () }
        @{ $deployment->{spec}{template}{spec}{volumes} };

    is_deeply({ map { ($_ => $secret{$_}{defaultMode}) } keys %secret },
        { kek => 0440, keys => 0440 }, 'modes, which YAML 1.1 has octal');
}


# the file with ports that are free, in a directory of its own

sub install {
    my ($name) = @_;

    my $dir = "$state/$name";
    remove_tree($dir);
    make_path("$dir/conf", "$dir/logs", "$dir/bin");
    copy($agentctl, "$dir/bin/agentctl") or die "$agentctl: $!\n";
    chmod 0755, "$dir/bin/agentctl";

    my $text = read_file("$root/conf-examples/$name/nginx.conf");

    my $load = $module =~ /\S/ ? "load_module $module;" : '';

    for ($text) {
        s/^load_module modules\/.*;$/$load/m;
        s/127\.0\.0\.1:80(8\d)/'127.0.0.1:' . port($1)/ge;
        s{/etc/nginx/}{$dir/conf/}g;
        s{/var/log/nginx/}{$dir/logs/}g;
        s{/run/nginx\.pid}{$dir/logs/nginx.pid};
        s{/run/credentials/nginx\.service/}{$dir/credentials/}g;
        s{/run/agent-control\b}{$dir/control}g;
        s{/var/lib/agent-auth\b}{$dir/state}g;
    }

    open my $out, '>', "$dir/conf/nginx.conf" or die $!;
    print $out $text;
    close $out or die $!;

    return ($dir, $text);
}


sub port {
    return $ENV{TEST_NGINX_SERVER_PORT} + $_[0] % 10;
}


sub start_servers {
    my ($text) = @_;

    while ($text =~ /127\.0\.0\.1:(808[89])\b/g) {
        $as{$1} //= AgentAS->start(port => port($1));
    }
}


sub read_file {
    my ($path) = @_;

    open my $in, '<', $path or die "$path: $!\n";
    local $/;

    return scalar <$in>;
}


# the commands of the comment as a script that prints "NUMBER STATUS" for each
# curl and leaves the body in a file

sub script {
    my ($dir, $text) = @_;

    my ($head) = $text =~ /\A((?:#.*\n)+)/;
    my @lines = grep { defined } map { /^#     (.*)/ ? $1 : undef }
        split /\n/, $head;

    my $script = <<"END";
set -e
exec 3>&1 >&2
umask 022
cd $dir/conf
PATH=$dir/bin:\$PATH
ask() {
    number=\$1
    shift
    curl -s -D $dir/head.\$number -o $dir/body.\$number -w "\$number %{http_code}\\n" "\$@" || :
}
await() {
    wanted=\$1
    shift
    n=0
    until got=\$(ask "\$@"); [ "\${got#* }" = "\$wanted" ]; do
        n=\$((n + 1)); [ \$n -lt @{[ $seconds * 10 ]} ] || break; sleep 0.1
    done
    echo "\$got"
}
END

    my (@expected, $started);

    for my $line (@lines) {
        if ($line !~ /^curl /) {
            $script .= "$line\n";
            next;
        }

        $script .= "$nginx -e $dir/logs/start.log -p $dir/"
            . " -c $dir/conf/nginx.conf 3>&-\n" unless $started++;

        my ($arguments, $status, $soon) =
            $line =~ /^curl (.*?) +# (\d{3})( soon)?$/
            or die "no status in \"$line\"\n";

        $script .= $soon
            ? "await $status " . @expected . " $arguments >&3\n"
            : "ask " . @expected . " $arguments >&3\n";
        push @expected, [ $status, $line =~ s/ +#.*//r, $soon ];
    }

    return ($script, @expected);
}


sub events {
    my ($dir) = @_;

    open my $in, '<', "$dir/logs/agent-audit.log" or return;

    return map { JSON::PP->new->utf8->decode($_) } grep { /\n\z/ } <$in>;
}


sub stop {
    my ($dir) = @_;

    my ($pid) = (-f "$dir/logs/nginx.pid" ? read_file("$dir/logs/nginx.pid")
                                          : '') =~ /(\d+)/ or return;
    kill 'QUIT', $pid;

    AgentAuth::await(sub { !-f "$dir/logs/nginx.pid" }, 'the end of nginx', 30)
        or kill 'KILL', $pid;
}


sub try {
    my ($name) = @_;

    start_servers(read_file("$root/conf-examples/$name/nginx.conf"));

    my ($dir, $text) = install($name);
    my ($script, @expected) = script($dir, $text);

    open my $out, '>', "$dir/script" or die $!;
    print $out $script;
    close $out or die $!;

    my %status = map { /^(\d+) (\d+)$/ ? ($1, $2) : () }
        split /\n/, `sh $dir/script 2> $dir/script.log`;

    ok($? == 0, "the commands of the comment")
        or diag(read_file("$dir/script.log"),
            -f "$dir/logs/start.log" ? read_file("$dir/logs/start.log") : ());

    for my $i (0 .. $#expected) {
        my ($wanted, $line) = @{ $expected[$i] };
        is($status{$i}, $wanted, $line);
    }

    # the workers write what they have when they leave
    stop($dir);

    my @events = sort { $a->{time} <=> $b->{time}
                        || $a->{metadata}{uid} cmp $b->{metadata}{uid} }
        events($dir);
    my ($bodies, $heads) = map { my $part = $_; [
        map { -f "$dir/$part.$_" ? read_file("$dir/$part.$_") : '' }
            0 .. $#expected
    ] } qw/ body head /;

    ok(scalar @events, 'there are audit lines');
    $more{$name}->($bodies, \@events, $dir, $heads) if $more{$name};

    my @bad = grep { /\[(?:warn|error|crit|alert|emerg)\]/
                     && !/limiting requests|access forbidden by rule/ }
        map { split /\n/, read_file($_) } grep { -f }
            "$dir/logs/start.log", "$dir/logs/error.log";
    is("@bad", '', 'nothing to complain about in the error log');

    copy("$dir/logs/agent-audit.log",
        "$AgentAuth::State/audit/examples-$AgentAuth::Mode-$name-audit.log");
}


# A scope may be had from a map, whose default is the most that can be asked
# for: not empty, and nothing that any other of its lines yields.  True of what
# the manual shows as well.

sub try_scope_maps {
    my $maps = 0;

    for my $path (glob("$root/conf-examples/*/nginx.conf $root/README.md"
                       . " $root/docs/*.md"))
    {
        my $text = read_file($path) =~ s/^\s*#.*//mgr;
        my $name = $path =~ s/^\Q$root\E\///r;

        # in a page, a word in the running text is no directive
        $text = join "\n", $text =~ /^```nginx\n(.*?)^```/msg
            if $path =~ /\.md$/;

        my %variable = map { ($_ => 1) } map { /\$\{?(\w+)/g }
            $text =~ /\bagent_scope\s+([^;]*);/g;

        for my $variable (sort keys %variable) {
            my ($body) = $text =~ /\bmap\s+\S+\s+\$$variable\s*\{(.*?)\}/s
                or fail("$name: \$$variable is of a map"), next;
            my %yield;

            push @{ $yield{$2} }, $1
                while $body =~ /^\s*(\S+)\s+"?([^";]*)"?\s*;/mg;

            my ($default) = grep { "@{ $yield{$_} }" eq 'default' }
                keys %yield;

            ok(length($default // ''), "$name: \$$variable has a default that"
                . ' is asked for by nothing else');
            $maps++;
        }
    }

    cmp_ok($maps, '>', 2, 'there are such maps');
}


# The quickstart stays up until it is interrupted, and then nothing is left of
# it.  It begins before the others are tried, and what it verifies itself is
# the affair of its "run --check".

my ($quickstart, $quickstart_log) = (undef, "$state/quickstart.log");

sub begin_quickstart {
    my $tmp = "$state/quickstart-tmp";

    remove_tree($tmp);
    make_path($tmp);

    $quickstart = fork // die "fork: $!\n";
    return $tmp if $quickstart;

    local $ENV{TMPDIR} = $tmp;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', $quickstart_log;
    open STDERR, '>&', \*STDOUT;
    { exec 'sh', "$root/conf-examples/quickstart/run" }
    POSIX::_exit(127);
}


sub end_quickstart {
    my ($tmp) = @_;

    my $log = '';

    ok(AgentAuth::await(sub {
        $log = read_file($quickstart_log);
        return $log =~ /Ctrl-C ends it all/
            || waitpid($quickstart, POSIX::WNOHANG());
    }, 'the end of its steps', 240) && $log =~ /Ctrl-C ends it all/,
        'it shows all and stays') or diag($log);

    my %port = map { /127\.0\.0\.1:(\d+)/g ? ($1, 1) : () }
        split /(?=127)/, $log;
    my @ports = sort keys %port;

    is(scalar @ports, 3, 'gate, upstream and authorization server');
    is(scalar(grep { AgentAuth::port_free($_) } @ports), 0, 'all are there');

    kill 'INT', $quickstart;
    waitpid $quickstart, 0;
    $quickstart = undef;

    is($? >> 8, 130, 'it was interrupted');
    is(scalar(grep { !AgentAuth::port_free($_) } @ports), 0,
        'nobody listens any more');
    is_deeply([ glob "$tmp/*" ], [], 'nor are there files of it');
}


my $quickstart_tmp = begin_quickstart();

my @names = map { basename(dirname($_)) } glob "$root/conf-examples/*/nginx.conf";

cmp_ok(scalar @names, '>', 6, 'there are examples');

my @listed = read_file("$root/conf-examples/README.md")
    =~ /^\| \[([\w-]+)\]/mg;
is_deeply([ sort @listed ], [ sort @names ], 'all are listed');

for my $name (@names) {

    # its own "run --check" does more
    next if -f "$root/conf-examples/$name/run";

    subtest($name => sub { try($name) });
}

subtest('maps of scopes' => \&try_scope_maps);
subtest('quickstart' => sub { end_quickstart($quickstart_tmp) });


# a process that a failed test left; a suite that was skipped had none

END {
    local $?;
    kill 'TERM', $quickstart if $quickstart;

    if (defined $state) {
        stop($_) for glob "$state/*";
    }
}

done_testing();
