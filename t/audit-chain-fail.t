# An OpenSSL that fails while a chain is written.  Without what this proves
# lines could be lost then, or stand in the log as if they had a place in a
# chain, or a number be used a second time.  U-09, U-11.

use lib 't/lib';
use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw/ encode_base64 /;
use Test::More;

# in place of OpenSSL's: it fails while there is the file $AGENT_FAIL

our $dir;

BEGIN {
    $dir = File::Temp->newdir('agent-fail-XXXXXX', TMPDIR => 1);

    open my $out, '>', "$dir/fail.c" or die $!;
    print $out <<'END';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char  path[256];

/* nginx forgets most of its environment */

static __attribute__((constructor)) void
fail_open(void)
{
    snprintf(path, sizeof(path), "%s", getenv("AGENT_FAIL"));
}

int
EVP_EncryptUpdate(void *ctx, unsigned char *out, int *n,
    const unsigned char *in, int len)
{
    int  (*real)(void *, unsigned char *, int *, const unsigned char *, int);

    if (access(path, F_OK) == 0) {
        return 0;
    }

    *(void **) &real = dlsym(RTLD_NEXT, "EVP_EncryptUpdate");

    return real(ctx, out, n, in, len);
}
END
    close $out;

    system($ENV{CC} // 'cc', '-shared', '-fPIC', '-O', '-o', "$dir/fail.so",
        "$dir/fail.c", '-ldl') == 0 or die "$dir/fail.c does not compile\n";

    my $binary = $ENV{TEST_NGINX_BINARY}
        // (-x '/usr/sbin/nginx' ? '/usr/sbin/nginx' : 'nginx');

    open $out, '>', "$dir/nginx" or die $!;
    print $out "#!/bin/sh\n",
        "AGENT_FAIL=$dir/now LD_PRELOAD=$dir/fail.so\n",
        "ASAN_OPTIONS=\$ASAN_OPTIONS:verify_asan_link_order=0\n",
        "export AGENT_FAIL LD_PRELOAD ASAN_OPTIONS\n",
        "exec $binary \"\$@\"\n";
    close $out;

    chmod 0755, $dir, "$dir/nginx", "$dir/fail.so";
    $ENV{TEST_NGINX_BINARY} = "$dir/nginx";
}

use AgentSink;

my $ctl = $ENV{AGENTCTL} // "$AgentAuth::Root/build/agentctl";


start(audit => 'logs/audit.log buffer=16k flush=20ms', workers => 1,
    http => 'agent_audit_chain key_file=audit.key;',
    before => sub {
        open my $out, '>', path('conf/audit.key') or die $!;
        print $out 'k1 ', encode_base64('k' x 32, ''), "\n";
        close $out;
        chmod 0600, path('conf/audit.key');
    });

ok(load(1, 20), 'lines with a place in the chain');

open my $now, '>', "$dir/now" or die $!;
close $now;
ok(load(1, 20), 'requests are answered while OpenSSL fails');

unlink "$dir/now" or die $!;
ok(load(1, 20), 'and later');
stop();

is(scalar(audited(lines('logs/audit.log'))), sent(), 'all of them have a line');
is(scalar(grep { /the chain of audit log "\S+" cannot go on, lines of this/ }
    log_lines()), 1, 'the error log tells of it once');

my ($key, $log) = map { path($_) } 'conf/audit.key', 'logs/audit.log';
my $text = `$ctl audit verify --json --key-file $key $log`;
is($? >> 8, 1, 'the log is not intact');

my $got = JSON::PP->new->decode($text);
is($got->{lines}, 21, 'the lines before are proven');
is($got->{first}{fault}, 'foreign', 'the others are in no chain');
is($got->{first}{line}, 22, 'from the first one on');
cmp_ok($got->{faults}, '>=', 40, 'none of them');

finish(qr/cannot go on/);
done_testing();
