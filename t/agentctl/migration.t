# The report of a migration says who still uses keys.  Without this keys could
# be taken away from agents that have no token, or be kept for ever as nobody
# knows; and a line that somebody wrote into a log could stop it, or fill it.
#
# requirements.md, X-06

use strict;
use warnings;

use lib 't/agentctl';
use Ctl;

use IO::Compress::Gzip qw/ gzip /;
use JSON::PP;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $day = 86400;
my $end = 1_764_464_000;        # 2025-11-30


# an audit line as nginx writes it, so many days before the end

sub line {
    my ($days, $result, $reason, %with) = @_;

    my $auth = { result => $result, reason => $reason,
        location => $with{location} // '/a' };
    my $event = { time => int(($end - $days * $day) * 1000),
        class_uid => 6003, metadata => { log_name => $with{server} // 's' },
        unmapped => { agent_auth => $auth } };

    $auth->{method} = $with{key} ? 'key' : 'oauth'
        if $with{key} || $with{token};

    for my $name (qw/ owner service sunset deprecated /) {
        $auth->{$name} = $with{$name} if defined $with{$name};
    }

    $event->{actor}{user} = { uid => $with{agent},
        credential_uid => $with{key} // $with{token} } if defined $with{agent};
    $event->{api}{token}{expiration_time} = $with{expires} * 1000
        if $with{expires};

    return $json->encode($event) . "\n";
}


sub report {
    my ($text, @args) = @_;
    my %option = ref $args[0] ? %{ shift @args } : ();

    my $file = spew(path('audit.log'), $text);
    my $run = agentctl(\%option, qw/ migration report /, $file, @args);

    return $run;
}


sub json_report {
    my ($text, @args) = @_;
    my $run = report($text, @args, '--json');

    is($run->{rc}, 0, 'done') or diag $run->{err};

    return $json->decode($run->{out});
}


my @fleet = (
    # a key only
    (map { line(10 - $_, allow => 'ok', agent => 'alpha', owner => 'pay',
        key => 'k1', sunset => 1_800_000_000 + $_) } 0 .. 9),
    # both, lately a token only
    line(50, allow => 'ok', agent => 'beta', owner => 'ship', key => 'k2'),
    line(2, allow => 'ok', agent => 'beta', token => 'j1'),
    line(1, allow => 'ok', agent => 'beta', token => 'j2'),
    # both
    line(3, allow => 'ok', agent => 'gamma', key => 'k3', owner => 'ops'),
    line(4, allow => 'ok', agent => 'gamma', token => 'j3'),
    line(4, allow => 'ok', agent => 'gamma', key => 'k3', owner => 'ops',
        location => '/b'),
    # in grace
    line(5, allow => 'ok', agent => 'delta', key => 'k4',
        deprecated => JSON::PP::true, expires => $end + $day),
    line(6, allow => 'ok', agent => 'delta', key => 'k4'),
    # long ago
    line(60, allow => 'ok', agent => 'epsilon', key => 'k5'),
    # the day has come
    line(7, would_deny => 'key_sunset', agent => 'zeta', key => 'k6'),
    line(7, deny => 'key_sunset', agent => 'eta', key => 'k7'),
    # refused
    line(3, deny => 'key_expired', agent => 'theta', key => 'k8'),
    line(2, deny => 'token_inactive', token => 'x'),
    line(2, deny => 'token_inactive', token => 'x'),
    line(2, deny => 'credential_missing'),
    line(40, deny => 'credential_missing'),
    line(4, none => 'not_evaluated'),
    line(2, deny => 'credential_missing', location => '/b'),
);

{
    my $report = json_report(join '', @fleet);

    is($report->{version}, 1, 'version');
    is($report->{to}, '2025-11-29T00:53:20Z', 'the last line');
    is($report->{from}, '2025-10-01T00:53:20Z', 'the first one');
    is($report->{recent}, '2025-10-30T00:53:20Z', 'what is recent');
    is_deeply($report->{lines}, { read => 28, requests => 27, bad => 0,
        lost => 0, dropped => 0, faults => [] }, 'lines');
    is_deeply($report->{requests}, { key => 17, token => 3, percent => 15 },
        'requests');
    is_deeply($report->{agents_on}, { keys => 3, both => 1, tokens => 1,
        idle => 3, percent => 20 }, 'agents');

    my ($a, $b) = @{ $report->{locations} };
    is_deeply($a, { server => 's', location => '/a',
        sunset => '2027-01-15T08:00:09Z', first_token => '2025-11-26T00:53:20Z',
        requests => { key => 16, token => 3, percent => 15 },
        agents_on => { keys => 3, both => 1, tokens => 1, idle => 3,
            percent => 20 } }, 'a location') or diag explain $a;
    is_deeply($b->{agents_on}, { keys => 1, both => 0, tokens => 0, idle => 0,
        percent => 0 }, 'another');

    my %agent = map { $_->{agent} => $_ } @{ $report->{agents} };
    is(join(' ', map { "$_=$agent{$_}{on}" } sort keys %agent),
        'alpha=keys beta=tokens delta=keys epsilon=idle eta=idle gamma=both '
        . 'theta=idle zeta=keys', 'what they use');
    is_deeply($agent{gamma}, { agent => 'gamma', owner => 'ops', on => 'both',
        requests => { key => 2, token => 1, percent => 33 },
        locations_on => { keys => 1, both => 1, tokens => 0, idle => 0,
            percent => 0 }, last_key => '2025-11-27T00:53:20Z',
        last_token => '2025-11-26T00:53:20Z' }, 'an agent');

    is(join(' ', map { "$_->{agent}:$_->{location}:$_->{requests}" }
        @{ $report->{breaks} }), 'alpha:/a:10 delta:/a:2 zeta:/a:1 gamma:/b:1',
        'what would break');
    is_deeply($report->{breaks}[0], { server => 's', location => '/a',
        agent => 'alpha', owner => 'pay', requests => 10,
        last => '2025-11-29T00:53:20Z' }, 'with its owner');

    is_deeply($report->{keys}[0], { agent => 'alpha', owner => 'pay',
        key_id => 'k1', server => 's', location => '/a', admitted => 10,
        refused => 0, first => '2025-11-20T00:53:20Z',
        last => '2025-11-29T00:53:20Z' }, 'a key');
    is(scalar @{ $report->{keys} }, 9, 'keys');
    is_deeply([ map { "$_->{agent} $_->{admitted}" } @{ $report->{tokens} } ],
        [ 'beta 2', 'gamma 1' ], 'tokens');

    is_deeply($report->{grace}, [ { agent => 'delta', key_id => 'k4',
        server => 's', location => '/a', requests => 1,
        last => '2025-11-25T00:53:20Z', ends => '2025-12-01T00:53:20Z' } ],
        'in grace') or diag explain $report->{grace};

    is(join(' ', map { ($_->{method} // '-')
        . ":$_->{reason}:$_->{location}:$_->{requests}" }
        @{ $report->{refusals} }), '-:credential_missing:/a:1 '
        . 'key:key_expired:/a:1 oauth:token_inactive:/a:2',
        'refused since there are tokens');
}

{
    my $reversed = json_report(join '', reverse @fleet);
    my $straight = json_report(join '', @fleet);

    is($json->encode($reversed), $json->encode($straight),
        'the order of lines does not matter');
}

{
    my $run = report(join '', @fleet);
    my @lines = split /\n/, $run->{out};

    is($run->{rc}, 0, 'a table');
    is(join('|', grep { length > 100 } @lines), '', 'of 100 columns');
    is(join('|', grep { / $/ } @lines), '', 'without spaces at the end');
    like($run->{out}, qr/^15% of the requests admitted came with a token\.\nOf 5 agents 1 uses tokens only, 1 both, 3 keys only; 3 more/m,
        'how far it is');
    like($run->{out}, qr{^/a - s +15% +16 +20% +1/1/3 +2027-01-15$}m,
        'a location');
    like($run->{out}, qr/^gamma +ops +both +33% +2 +0 of 2 +2025-11-27  2025-11-26$/m,
        'an agent');
    like($run->{out}, qr{^k1 +alpha +/a - s +10 +0 +2025-11-20  2025-11-29$}m,
        'a key');
    like($run->{out}, qr{^/a - s +alpha +pay +10 +2025-11-29$}m,
        'what would break');
    like($run->{out}, qr/^k4 +delta +- +1 +2025-11-25 00:53  2025-12-01 00:53$/m,
        'in grace');
    like($run->{out}, qr{^/a - s +oauth +token_inactive +2 +2025-11-28 00:53$}m,
        'a refusal');

    $run = report(line(1, allow => 'ok', agent => 'b', token => 'j'));
    like($run->{out}, qr/^Of 1 agents 1 uses tokens only, 0 both, 0 keys only\.$/m,
        'done');
    like($run->{out}, qr/^WHAT WOULD BREAK [^\n]*\n\nNothing\.$/m, 'nothing');
    unlike($run->{out}, qr/KEYS IN USE|GRACE|REFUSED/, 'and no empty tables');
}

{
    my $report = json_report(line(1, deny => 'token_inactive', token => 'x')
        . line(0, deny => 'audience_mismatch', token => 'x', agent => 'a'));

    is($report->{locations}[0]{requests}{token}, 0, 'no token is admitted');
    is(join(' ', map { $_->{reason} } @{ $report->{refusals} }),
        'audience_mismatch token_inactive', 'and the report says why');
}

# -- options

{
    my $report = json_report(join('', @fleet), '--recent', '70d');
    is($report->{agents_on}{keys}, 4, 'a longer look back');
    is($report->{agents_on}{both}, 2, 'sees more keys');

    $report = json_report(join('', @fleet), '--location', '/b');
    is(join(' ', map { $_->{location} } @{ $report->{locations} }), '/b',
        'a location');
    is($report->{requests}{key}, 1, 'alone');

    $report = json_report(join('', @fleet), qw( --location /b --location /a ));
    is(scalar @{ $report->{locations} }, 2, 'two');

    $report = json_report(join('', @fleet), '--location', '/');
    is($report->{lines}{requests}, 0, 'not what it begins with');

    my @named = (line(1, allow => 'ok', agent => 'a', key => 'k',
        service => 'x'), line(1, allow => 'ok', agent => 'a', key => 'k',
        service => 'y'), line(1, allow => 'ok', agent => 'a', key => 'k'));
    $report = json_report(join('', @named), '--service', 'x');
    is(join(' ', map { $_->{service} } @{ $report->{locations} }), 'x',
        'a service');
    is(scalar @{ json_report(join '', @named)->{locations} }, 3, 'each apart');

    $report = json_report(join('', @fleet), '--since', '2025-11-29T00:00:00Z');
    is($report->{lines}{requests}, 2, 'since a date');

    my $ago = ($end - $NOW) / $day;
    $report = json_report(join('', map { line($ago + $_, allow => 'ok',
        agent => 'a', key => 'k') } 3, 1, 0.5), '--since', '2d');
    is($report->{lines}{requests}, 2, 'since a while ago');

    my @aliased = (line(1, allow => 'ok', agent => 'bot', key => 'k'),
        line(1, allow => 'ok', agent => '0oa1', token => 'j'),
        line(1, allow => 'ok', agent => '0oa2', key => 'l'));
    $report = json_report(join('', @aliased), qw/ --alias x=y --alias bot=0oa1
        --alias bot=0oa2 /);
    is(join(' ', map { "$_->{agent}=$_->{on}" } @{ $report->{agents} }),
        '0oa2=keys bot=both', 'a client that is an agent');

    is(json_report(line(1, allow => 'ok', agent => 'a', key => 'k',
        server => ''))->{locations}[0]{server}, undef, 'no name');
}

for my $args ([], [ '--since', 'soon', 'x' ], [ '--alias', 'a', 'x' ],
    [ '--alias', '=b', 'x' ], [ '--alias', 'a=', 'x' ], [ '--recent', 'x', 'y' ],
    [ '--file', 'x', 'y' ], [ '--state', 'x', 'y' ])
{
    my $run = agentctl(qw/ migration report /, @$args);

    is($run->{rc}, 2, "@$args: wrong usage");
    like($run->{err}, qr/^agentctl: /, 'which is said');
    is($run->{out}, '', 'and nothing else');
}

for my $args (qw/ --help /, 'report --help') {
    my $run = agentctl('migration', split ' ', $args);

    is($run->{rc}, 0, $args);
    like($run->{out}, qr/^Usage: agentctl migration /, 'usage');
}

# -- files

{
    my $plain = spew(path('log'), $fleet[0]);
    my $one = spew(path('log.1'), join '', @fleet[1 .. 10]);
    my $text = join '', @fleet[11 .. $#fleet];
    my $two = path('log.2.gz');

    gzip(\$text => $two) or die;

    my $run = agentctl(qw/ migration report --json /, $two, $plain, $one);
    is($run->{rc}, 0, 'rotated and compressed files');
    is($run->{out}, report(join('', @fleet), '--json')->{out}, 'are one');

    $run = agentctl({ stdin => slurp($two) }, qw/ migration report --json - /,
        $plain, $one);
    is($run->{out}, report(join('', @fleet), '--json')->{out},
        'standard input, too');

    my $packed = slurp($two);
    spew($two, substr $packed, 0, length($packed) - 9);
    $run = agentctl(qw/ migration report --json /, $two);
    is($run->{rc}, 1, 'cut short');
    like($run->{err}, qr/cannot read "\Q$two\E" after line \d+: it ends too soon/,
        'which is said');
    cmp_ok($json->decode($run->{out})->{lines}{requests}, '>', 0,
        'what there is counts');

    substr $packed, 20, 4, "\xff\xff\xff\xff";
    spew($two, $packed);
    $run = agentctl(qw/ migration report /, $two);
    is($run->{rc}, 1, 'damaged');
    like($run->{err}, qr/cannot read/, 'which is said');

    for my $bad (path('absent'), dir()) {
        $run = agentctl(qw/ migration report /, $bad, $plain);
        is($run->{rc}, 1, "$bad: no log");
        like($run->{err}, qr/"\Q$bad\E"/, 'is named');
        like($run->{out}, qr/^1 requests/, 'the other one counts');
    }

    $run = agentctl(qw/ migration report /, spew(path('empty'), ''));
    is($run->{rc}, 0, 'an empty file');
    is($run->{out}, '', 'there is nothing to tell');
    is($run->{err}, "No requests that count.\n", 'says so');
}

# -- lines at fault

{
    my @bad = ('', ' ', 'x', '[]', '1', '"a"', '{', '{}x', '{"a":1,"a":2}',
        '{"time":-1}', '{"time":1e3}', '{"time":"1"}', '{"class_uid":"6003"}',
        '{"time":99999999999999999999}', "\xff", "{\"a\":\"\xff\"}",
        '{"unmapped":{"agent_auth":{"result":"a\u0000"}},"class_uid":6003}', '{"a":' x 5000,
        line(1, allowed => 'ok'), line(1, allow => ''), line(1, allow => 'OK'),
        line(1, allow => 'o' x 65), line(1, allow => "a\nb"),
        line(1, allow => 'ok', agent => 'a' x 1025, key => 'k'),
        line(1, allow => 'ok', owner => [ 'a' ]),
        line(1, allow => 'ok', location => {}),
        line(1, allow => 'ok') =~ s/"ok"/"ok","method":"basic"/r,
        line(1, allow => 'ok') =~ s/"time":\d+/"time":0/r,
        'x' x 70000, 'x' x 65537, '{"a":"' . 'x' x 200000 . '"}');

    chomp @bad;

    for my $bad (@bad) {
        my $name = length $bad > 60 ? length $bad : $bad =~ s/[^ -~]/./gr;
        my $run = report("$fleet[0]$bad\n$fleet[1]", '--json');
        my $report = $json->decode($run->{out});

        is("$run->{rc} $report->{lines}{bad} $report->{lines}{requests}",
            '1 1 2', "at fault: $name");
        like($run->{err}, qr/^agentctl: \S+audit\.log:2: [ -~]+\n\z/,
            'which is said');
    }

    my $report = report(join('', map { "$_\n" } @bad), '--json');
    is(scalar(() = $report->{err} =~ /\n/g), 11, 'ten are named');
    like($report->{err}, qr/^agentctl: 21 more lines are at fault$/m,
        'the others counted');

    # one clock that was wrong, and nobody would have used a key of late

    my $ahead = ($end - $NOW) / $day;
    my $run = report($fleet[0] . line($ahead - 2, allow => 'ok', agent => 'x',
        token => 't'), '--json');
    $report = $json->decode($run->{out});
    is("$run->{rc} $report->{lines}{bad} $report->{lines}{requests}", '1 1 1',
        'a line of the day after tomorrow is at fault');
    like($run->{err}, qr/:2: "time" is in the future$/m, 'which is said');
    is($report->{breaks}[0]{agent}, 'alpha', 'what would break is still told');

    $report = json_report(line($ahead - 0.9, allow => 'ok', agent => 'x',
        token => 't'));
    is($report->{lines}{requests}, 1, 'clocks may differ by hours');

    for my $other ('{}', '{"class_uid":1}', '{"a":"\u0000"}', '{"class_uid":6003}',
        '{"class_uid":6003,"unmapped":[]}', '{"class_uid":0,"count":3}',
        '{"class_uid":6003,"unmapped":{"agent_auth":{"a":1}}}')
    {
        my $report = json_report("$other\n$fleet[0]");
        is($report->{lines}{requests}, 1, "of others: $other");
    }

    $report = json_report("$fleet[0]" . '{"time":1764464000000,"message":"audit'
        . ' lines lost","count":7,"class_uid":0}' . "\n");
    is($report->{lines}{lost}, 7, 'lines that the gate lost');

    $report = json_report($fleet[0] . ('{"time":1764464000000,"message":"audit '
        . 'lines lost","count":9223372036854775807,"class_uid":0}' . "\n") x 3);
    is($report->{lines}{lost}, '9223372036854775807',
        'no fewer for being many');

    $report = json_report($fleet[0] . $fleet[1] =~ s/\n//r);
    is($report->{lines}{requests}, 2, 'a last line without an end');
}

# -- names

{
    my $evil = "a\e[2J\x{202e}\x{9b}31m\tb";
    my $text = line(1, allow => 'ok', agent => $evil, key => $evil,
        owner => $evil, location => $evil, service => $evil, server => $evil);

    my $run = report($text);
    is($run->{rc}, 0, 'names with control characters');
    unlike($run->{out}, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/,
        'are not obeyed');

    is(json_report($text)->{keys}[0]{agent}, $evil, 'and told in JSON');
    unlike(report($text, '--json')->{out}, qr/[^\n -~]/,
        'which a terminal may show');

    # what parts them does not make two of one, or one of two
    my $report = json_report(join '', map { line(1, allow => 'ok', key => 'k',
        agent => $_->[0], owner => $_->[1]) } [ 'a', 'bc' ], [ 'ab', 'c' ]);
    is(scalar @{ $report->{keys} }, 2, 'two');
}

# -- more than there is room for

{
    open my $out, '>', path('many') or die;

    for my $n (1 .. 200_010) {
        print $out qq({"time":1764464000000,"class_uid":6003,"actor":{"user":)
            . qq({"uid":"agent$n","credential_uid":"k$n"}},"unmapped":)
            . qq({"agent_auth":{"result":"allow","reason":"ok","method":"key",)
            . qq("location":"/a"}}}\n);
    }

    close $out;

    my $run = agentctl(qw/ migration report --json /, path('many'));

    is($run->{rc}, 1, 'too many sets');
    like($run->{err}, qr/more than 200000 sets .*: 11 requests do not count/,
        'which is said');
    like($run->{out}, qr/^  "dropped": 11,$/m, 'and counted');
    is(scalar(() = $run->{out} =~ /"key_id": /g), 199_999, 'the others do');
}

done_testing();
