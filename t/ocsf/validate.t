#!/usr/bin/perl

# The validator of audit lines.  Without this a validator that refuses nothing
# would call every line good (U-13).  Good lines, among them those that the
# line writer itself makes, have to pass; each variant that breaks one rule has
# to be refused, for that rule.

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use File::Temp ();
use JSON::PP ();
use Test::More;

my $root = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');
my $vectors = ($ENV{VECTORS} || "$root/../shared/vectors") . '/ocsf-1.8.0';
my $validate = "$root/t/ocsf/validate";
my $dir = File::Temp::tempdir(CLEANUP => 1);

my $good = <<'END';
{"time":1795449600123,"status_id":2,"status":"Failure","status_code":"401",
"status_detail":"key_unknown","action_id":2,"action":"Denied",
"disposition_id":26,"disposition":"Unauthorized","severity_id":2,
"severity":"Low","duration":3,"actor":{"app_name":"unauthenticated"},
"api":{"operation":"GET /v1/","service":{"name":"invoices"}},
"http_request":{"http_method":"GET","url":{"path":"/v1/invoices/17"},
"user_agent":"agent/1","version":"1.1"},"http_response":{"code":401,
"latency":3},"src_endpoint":{"ip":"203.0.113.9","port":50112},
"dst_endpoint":{"hostname":"api.example","port":443},
"unmapped":{"agent_auth":{"result":"deny","anything":[1,2.5e3,null,true]}},
"trace":{"uid":"4bf92f3577b34da6a3ce929d0e0e4736"},
"metadata":{"version":"1.8.0","product":{"name":"x","vendor_name":"y",
"version":"1"},"profiles":["security_control","trace"],"uid":"1"},
"category_uid":6,"class_uid":6003,"type_uid":600302,"activity_id":2}
END

$good =~ s/\n//g;

# a change of the text of the good line, and what has to be said of it

my @broken = (
    ['unknown attribute', '"time":', '"tiem":1,"time":',
     qr/tiem: unknown attribute/],
    ['unknown attribute of an object', '"ip":', '"ipv4":1,"ip":',
     qr/src_endpoint\.ipv4: unknown attribute/],
    ['unknown attribute two objects down', '"path":', '"pfad":"","path":',
     qr/http_request\.url\.pfad: unknown attribute/],
    ['required attribute missing', '"severity_id":2,', '',
     qr/severity_id: missing/],
    ['required attribute of an object missing', '"operation":"GET /v1/",', '',
     qr/api\.operation: missing/],
    ['required object missing', '"actor":{"app_name":"unauthenticated"},', '',
     qr/actor: missing/],
    ['product missing', '"product":{"name":"x","vendor_name":"y",'
     . '"version":"1"},', '', qr/metadata\.product: missing/],
    ['required attribute of a claimed profile missing',
     '["security_control","trace"]', '["security_control","trace","cloud"]',
     qr/cloud: missing/],
    ['profile not claimed', '["security_control","trace"]', '["trace"]',
     qr/action_id: of the profile security_control/],
    ['profile of another class', '["security_control","trace"]',
     '["security_control","trace","network_proxy"]',
     qr/"network_proxy" is no profile/],
    ['profile that does not exist', '["security_control","trace"]',
     '["security_control","trace","agents"]', qr/"agents" is no profile/],
    ['number outside of its enumeration', '"disposition_id":26',
     '"disposition_id":28', qr/disposition_id: 28 is none/],
    ['string outside of its enumeration', '"http_method":"GET"',
     '"http_method":"BREW"', qr/http_method: "BREW" is none/],
    ['activity of another class', '"type_uid":600302,"activity_id":2',
     '"type_uid":600307,"activity_id":7', qr/activity_id: 7 is none/],
    ['category of another class', '"category_uid":6', '"category_uid":3',
     qr/category_uid: 3 is none/],
    ['class that does not exist', '"class_uid":6003', '"class_uid":6999',
     qr/class_uid: 6999 is no class/],
    ['class that is a string', '"class_uid":6003', '"class_uid":"6003"',
     qr/class_uid: "6003" is no class/],
    ['no class', '"class_uid":6003,', '', qr/class_uid: missing/],
    ['type_uid that does not follow', '"type_uid":600302', '"type_uid":600301',
     qr/type_uid: 600301 is not class_uid \* 100/],
    ['caption that contradicts', '"action":"Denied"', '"action":"Allowed"',
     qr/action_id: 2 is "Denied", action is "Allowed"/],
    ['99 without a name', '"type_uid":600302,"activity_id":2',
     '"type_uid":600399,"activity_id":99', qr/99 without activity_name/],
    ['class_name that contradicts', '"class_uid"', '"class_name":"x",'
     . '"class_uid"', qr/class_name: "x" is not "API Activity"/],
    ['type_name that contradicts', '"class_uid"',
     '"type_name":"API Activity: Create","class_uid"', qr/type_name: /],
    ['string for a number', '"time":1795449600123', '"time":"1795449600123"',
     qr/time: "1795449600123" is no integer/],
    ['fraction for an integer', '"latency":3', '"latency":3.5',
     qr/latency: 3\.5 is no integer/],
    ['exponent for an integer', '"latency":3', '"latency":3e1',
     qr/latency: 3e1 is no integer/],
    ['number of more than 64 bits', '"duration":3',
     '"duration":9223372036854775808', qr/duration: .* is no integer/],
    ['number for a string', '"status_code":"401"', '"status_code":401',
     qr/status_code: 401 is no string/],
    ['null for a string', '"status_detail":"key_unknown"',
     '"status_detail":null', qr/status_detail: null is no string/],
    ['string for a boolean', '"uid":"1"', '"uid":"1","is_truncated":"true"',
     qr/is_truncated: "true" is no boolean/],
    ['string for an object', '"url":{"path":"/v1/invoices/17"}', '"url":"/v1"',
     qr{url: "/v1" is no object}],
    ['string for an array', '["security_control","trace"]',
     '"security_control"', qr/profiles: "security_control" is no array/],
    ['number in an array of strings', '["security_control","trace"]',
     '["security_control","trace",7]', qr/profiles\[2\]: 7 is no string/],
    ['array where none may be', '"unmapped":{', '"unmapped":[{',
     qr/not JSON/],
    ['port out of range', '"port":443', '"port":65536',
     qr/dst_endpoint\.port: 65536 is not in 0-65535/],
    ['no address', '"ip":"203.0.113.9"', '"ip":"unix:"',
     qr/src_endpoint\.ip: "unix:" is no ip_t/],
    ['none of at_least_one, of an object', '"app_name":"unauthenticated"', '',
     qr/actor: at_least_one of .* not 0/],
    ['none of at_least_one, of a parent', '"service":{"name":"invoices"}',
     '"service":{"version":"1"}', qr/api\.service: at_least_one of name uid/],
    ['none of at_least_one, of an endpoint', '"ip":"203.0.113.9",', '',
     qr/src_endpoint: at_least_one/],
    ['version of another release', '"version":"1.8.0"', '"version":"1.7.0"',
     qr/metadata\.version: "1\.7\.0" is not 1\.8\.0/],
    ['time in words without the profile', '"time":', '"time_dt":'
     . '"2026-11-23T21:00:00Z","time":', qr/time_dt: of the profile datetime/],

    # RFC 8259, and what a line of the audit log may not hold (U-04)
    ['member twice', '"time":', '"time":1,"time":', qr/"time" twice/],
    ['member twice, one of them escaped', '"time":', '"t\u0069me":1,"time":',
     qr/"time" twice/],
    ['trailing comma', '"port":443}', '"port":443,}', qr/not JSON/],
    ['no comma', '"port":443}', '"port":443 "a":1}', qr/not JSON/],
    ['single quotes', '"status":"Failure"', '"status":\'Failure\'',
     qr/not JSON/],
    ['leading zero', '"latency":3', '"latency":03', qr/not JSON/],
    ['plus sign', '"latency":3', '"latency":+3', qr/not JSON/],
    ['NaN', '"latency":3', '"latency":NaN', qr/not JSON/],
    ['bad escape', 'agent/1', 'agent\x41', qr/not JSON/],
    ['half a surrogate pair', 'agent/1', 'agent\ud800', qr/surrogate/],
    ['half a pair behind a backslash', 'agent/1', 'agent\\\\ud800\udc00',
     qr/surrogate/],
    ['something behind the object', '"activity_id":2}', '"activity_id":2}{}',
     qr/something follows/],
    ['cut off', '"type_uid":600302,"activity_id":2}', '"type_uid":60',
     qr/not JSON/],
    ['nested too deep', '"anything":[', '"x":' . '[' x 99 . ']' x 99
     . ',"anything":[', qr/nested too deep/],
    ['raw control character', 'agent/1', "agent\x1b[31m",
     qr/control character U\+001B/],
    ['raw tab between members', '"time":', "\t\"time\":",
     qr/control character U\+0009/],
    ['raw DEL', 'agent/1', "agent\x7f", qr/control character U\+007F/],
    ['raw C1', 'agent/1', "agent\xc2\x9b", qr/control character U\+009B/],
    ['raw U+2028', 'agent/1', "agent\xe2\x80\xa8",
     qr/control character U\+2028/],
    ['not UTF-8', 'agent/1', "agent\xff", qr/not UTF-8/],
    ['overlong', 'agent/1', "agent\xc0\xaf", qr/not UTF-8/],
    ['surrogate in UTF-8', 'agent/1', "agent\xed\xa0\x80", qr/not UTF-8/],
    ['too long', 'agent/1', 'a' x 8000, qr/longer than 8192 octets/],
);

my @more_good = (
    ['the good line', '', ''],
    ['spaces', '"time":179', ' "time" : 179'],
    ['escapes', 'agent/1', '\u001b\"\\\\\/\b\f\n\r\t\ud83e\udd16\u00e4'],
    ['a backslash before u', 'agent/1', '\\\\ud800'],
    ['UTF-8', 'agent/1', "gr\xc3\xbc\xc3\x9fe \xe2\x82\xac \xf0\x9f\xa4\x96"],
    ['an IPv6 address', '203.0.113.9', '2001:db8::7'],
    ['free form', '"anything":', '"x":{"y":[{},[],-0.5e-3,false]},"anything":'],
    ['99 with a name', '"type_uid":600302,"activity_id":2',
     '"type_uid":600399,"activity_id":99,"activity_name":"OPTIONS"'],
    ['names of class and type', '"class_uid"', '"class_name":"API Activity",'
     . '"category_name":"Application Activity",'
     . '"type_name":"API Activity: Read","class_uid"'],
    ['largest number', '"duration":3', '"duration":9223372036854775807'],
    ['time in words', '"security_control","trace"]', '"security_control",'
     . '"trace","datetime"],"processed_time_dt":"2026-11-23T21:00:00.5Z"'],
    ['no profile, none of its attributes', undef, undef],
    ['a base event', undef, undef],
);


ok(refuses_usage(), 'without a file: usage');

{
    my ($status, $out) = run("$dir/absent", file('x.jsonl', "junk\n"));

    is($status, 0, 'no schema: exit 0');
    like($out, qr/\Askipped: no vectors\n\z/, 'no schema: it says so');
}

if (!-f "$vectors/dictionary.json") {
    diag("skipped: no vectors in $vectors");
    done_testing();
    exit;
}

test_good();
test_broken();
test_file();
test_writer();

done_testing();


sub test_good {
    my $bare = JSON::PP->new->decode($good);
    delete @$bare{grep { /action|disposition|trace/ } keys %$bare};
    delete $bare->{metadata}{profiles};

    my @lines;
    my %special = (
        'no profile, none of its attributes' => encode($bare) . "\n",
        'a base event' => '{"time":1,"message":"audit lines lost","count":3,'
            . '"severity_id":4,"metadata":{"version":"1.8.0","product":'
            . '{"name":"x"}},"category_uid":0,"class_uid":0,"type_uid":99,'
            . '"activity_id":99,"activity_name":"audit lines lost"}' . "\n",
    );

    for my $case (@more_good) {
        my ($name, $from, $to) = @$case;

        my $text = defined $from ? change($from, $to) . "\n"
                                 : $special{$name};

        push @lines, $text;
    }

    my ($status, $out) = run($vectors, file('good.jsonl', join '', @lines));

    is($status, 0, 'good lines: exit 0');

    for my $number (1 .. @lines) {
        unlike($out, qr/good\.jsonl:$number: /,
               "passes: $more_good[$number - 1][0]") or diag($out);
    }
}


sub test_broken {
    my @lines = map { change($_->[1], $_->[2]) . "\n" } @broken;

    my ($status, $out) = run($vectors, file('bad.jsonl', join '', @lines));

    is($status, 1, 'broken lines: exit 1');
    unlike($out, qr/[^\x0a\x20-\x7e]/, 'nothing raw is printed');

    for my $number (1 .. @broken) {
        my ($name, undef, undef, $said) = @{$broken[$number - 1]};

        like($out, qr/bad\.jsonl:$number: [^\n]*$said/, "refused: $name");
    }
}


# where in which file, and how many

sub test_file {
    my $bad = change('"time":', '"tiem":1,"time":');

    my ($status, $out) = run($vectors,
        file('one.jsonl', "$good\n$bad\n$good\n"),
        file('two.jsonl', "$good\n$bad"));

    is($status, 1, 'two files with faults');
    like($out, qr{/one\.jsonl:2: tiem}, 'the line of the first');
    like($out, qr{/two\.jsonl:2: tiem}, 'the line of the second');
    like($out, qr{/two\.jsonl:2: .*does not end in LF}, 'a torn line');
    like($out, qr/^5 lines in 2 files, 3 faults in 2 lines$/m, 'the counts');

    for my $text ("\n", "[]\n", "\"x\"\n", "null\n", "{}\n",
                  "\xef\xbb\xbf$good\n")
    {
        ($status, $out) = run($vectors, file('odd.jsonl', $text));
        is($status, 1, 'refused: ' . substr encode([$text]), 0, 20);
    }

    ($status, $out) = run($vectors, file('empty.jsonl', ''));
    is($status, 0, 'an empty file');
    like($out, qr/^0 lines in 1 files/m, 'and no line is counted');

    ($status, $out) = run($vectors, "$dir/absent.jsonl");
    is($status, 1, 'a file that is absent');
    like($out, qr/absent\.jsonl: No such file/, 'and it says so');
}


# what the writer of the lines really writes, hostile fields included

sub test_writer {
    my $helper = "$root/build/unit/test_audit_hostile";

    is(system('make', '-s', '-C', $root, 'build/unit/test_audit_hostile'), 0,
       'the writer is built');

    my $lines = `$helper --lines`;

    my ($status, $out) = run($vectors, file('writer.jsonl', $lines));

    is($status, 0, 'the lines that the writer makes pass') or diag($out);
    like($out, qr/^[3-9]\d\d lines in 1 files, 0 faults/m,
         'and there are hundreds of them');
}


sub refuses_usage {
    my ($status) = run($vectors);
    my ($file_for_schema) = run(file('a.jsonl', ''), file('b.jsonl', ''));

    return $status == 2 && $file_for_schema == 2;
}


sub change {
    my ($from, $to) = @_;

    my $line = $good;
    my $at = index $line, $from;

    die "\"$from\" is not in the good line" if $at < 0;

    substr $line, $at, length $from, $to;

    return $line;
}


sub file {
    my ($name, $text) = @_;

    open my $out, '>:raw', "$dir/$name" or die "$dir/$name: $!";
    print $out $text;
    close $out or die "$dir/$name: $!";

    return "$dir/$name";
}


sub run {
    my (@arguments) = @_;

    open my $pipe, '-|', 'sh', '-c', 'exec "$0" "$@" 2>&1', $validate,
        @arguments or die "sh: $!";

    local $/;
    my $out = <$pipe>;

    close $pipe;

    return ($? >> 8, $out);
}


sub encode {
    my ($value) = @_;

    return JSON::PP->new->canonical->ascii->encode($value);
}
