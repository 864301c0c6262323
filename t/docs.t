# The manual says what the source does.  Without this a directive, a variable,
# a reason or a message could be added, renamed or dropped, and the manual
# would go on as before; and an example could be one that nginx refuses.

use strict;
use warnings;

use lib 't/lib';
use AgentAuth ();

use File::Basename qw/ basename dirname /;
use File::Path qw/ make_path remove_tree /;
use JSON::PP ();
use Test::More;

binmode Test::More->builder->$_, ':encoding(UTF-8)'
    for qw/ output failure_output todo_output /;

if (($ENV{TEST_AGENT_MODE} // '') eq 'hup' || $ENV{TEST_NGINX_USE_HUP}) {
    plan(skip_all => 'nothing is reloaded here');
}

my $root = $AgentAuth::Root;
my $dir = "$AgentAuth::State/docs-$AgentAuth::Mode";
my $nginx = $ENV{TEST_NGINX_BINARY};
my $module = $ENV{TEST_NGINX_LOAD_MODULES};

my @manual = map { "docs/$_.md" }
    qw/ directives migration operations security troubleshooting decisions /;
my %text = map { $_ => read_file($_) } @manual, 'README.md', 'CHANGELOG.md',
    'conf-examples/README.md';
my %source = map { $_ => read_file($_) }
    map { s{^\Q$root/}{}r } glob "$root/src/*/*.[ch]";

# what stands in messages in the place of a macro
my %macro = (
    ngx_open_file_n    => 'open()',
    ngx_fd_info_n      => 'fstat()',
    ngx_read_fd_n      => 'read()',
    ngx_close_file_n   => 'close()',
    ngx_nonblocking_n  => 'fcntl(O_NONBLOCK)',
    NGX_AGENT_RESOLV_CONF => '/etc/resolv.conf',
);


sub read_file {
    my ($path) = @_;

    $path = "$root/$path" unless $path =~ m{^/};

    open my $in, '<:encoding(UTF-8)', $path or die "$path: $!\n";
    local $/;

    return scalar <$in>;
}


sub same {
    my ($documented, $real, $what) = @_;

    my %documented = map { $_ => 1 } @$documented;
    my %real = map { $_ => 1 } @$real;

    is(join("\n", sort grep { !$documented{$_} } keys %real), '',
        "$what: each is documented");
    is(join("\n", sort grep { !$real{$_} } keys %documented), '',
        "$what: each that is documented is there");
}


# the text of a section: from its heading to the next of the same level

sub section {
    my ($file, $heading) = @_;

    my ($text) = $text{$file} =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms;

    return $text // die "$file has no section \"$heading\"\n";
}


# -- directives, variables, reasons

my $main = $source{'src/module/ngx_http_agent_auth_module.c'};
my ($define) = $main =~ /#define NGX_AGENT_LOC\s+\\\n\s+\((.*?)\)/;

my %context = (
    NGX_HTTP_MAIN_CONF => 'http',
    NGX_HTTP_SRV_CONF  => 'server',
    NGX_HTTP_LOC_CONF  => 'location',
    NGX_HTTP_LMT_CONF  => 'limit_except',
);

my %directive;

while ($main =~ /\{ ngx_string\("(agent_\w+)"\),\s*([A-Z0-9_|]+),/g) {
    my ($name, $flags) = ($1, $2);

    $flags =~ s/NGX_AGENT_LMT/NGX_AGENT_LOC|NGX_HTTP_LMT_CONF/;
    $flags =~ s/NGX_AGENT_LOC/$define/;

    $directive{$name} = join ', ', map { $context{$_} // () }
        split /\|/, $flags;
}

cmp_ok(scalar keys %directive, '>=', 11, 'directives are found in the source');

my @headings = $text{'docs/directives.md'} =~ /^## (agent_\w+)$/mg;

same(\@headings, [ keys %directive ], 'directives');

for my $name (@headings) {
    my $section = section('docs/directives.md', $name);

    like($section, qr/\A\n\*\*Syntax:\*\* `\Q$name\E /, "$name: syntax");
    like($section, qr/^\*\*Default:\*\* /m, "$name: default");
    like($section, qr/^```nginx$/m, "$name: an example");
    like($section, qr/^Errors[:,]/m, "$name: errors");

    my ($contexts) = $section =~ /^\*\*Context:\*\* (.*)$/m;
    is($contexts, $directive{$name}, "$name: contexts");

    like($text{'docs/directives.md'}, qr/\[$name\]\(#$name\)/,
        "$name: in the list");
}

my ($variables) = map { section('docs/directives.md', $_) } 'Variables';
my @documented = map { /^\| (.*?) \|/ ? $1 =~ /`\$(agent_\w+)`/g : () }
    split /\n/, $variables;
my @variables = $source{'src/module/ngx_agent_variables.c'}
    =~ /\{ ngx_string\("(agent_\w+)"\)/g;

cmp_ok(scalar @variables, '>', 10, 'variables are found in the source');
same([ map { s/^agent_claim_\Kname$//r } @documented ], \@variables,
    'variables');

my (@reasons, @rows);
my %error = ('AGENT_ERROR_NONE' => 'none');

{
    my $text = $source{'src/core/agent_reason.c'};

    while ($text =~ /\{ agent_string\("(\w+)"\), (\d+),\s*(\w+) \}/g) {
        my ($name, $status, $error) = ($1, $2, $3);

        $error = $error{$error} // lc $error =~ s/^AGENT_ERROR_//r;
        $error = '' unless $status;

        push @reasons, join ' ', grep { length } $name, $status || (), $error;
    }

    for (split /\n/, section('docs/directives.md', 'Reasons')) {
        my (@cells) = split /\s*\|\s*/;
        next unless ($cells[1] // '') =~ /^`(\w+)`$/;

        push @rows, join ' ', map { s/`//gr } grep { length } @cells[1 .. 3];
    }
}

cmp_ok(scalar @reasons, '>', 15, 'reasons are found in the source');
same(\@rows, \@reasons, 'reasons, with status and error');

# in any text: no directive or variable that there is not

my %known = map { $_ => 1 } keys %directive, @variables, 'agent_auth';

for my $file (sort(keys %text),
              map { s{^\Q$root/}{}r } glob "$root/conf-examples/*/nginx.conf")
{
    my $text = $text{$file} // read_file($file);

    my @unknown = grep { !$known{$_} && !/^agent_claim_/ }
        $text =~ /(?<![\w.-])\$?(agent_[a-z_]*[a-z])\b/g;

    is("@unknown", '', "$file: names no directive or variable that is not");
}


# -- the key file

my @members = $source{'src/core/agent_keyfile.c'}
    =~ /^    \{ "(\w+)", agent_member_/mg;
my $keyfile = section('docs/directives.md', 'The key file');

{
    my ($table) = $keyfile =~ /^(\| member .*?)\n\n/ms;
    my @names = map { /^\| (.*?) \|/ ? $1 =~ /`(\w+)`/g : () }
        split /\n/, $table;

    same(\@names, \@members, 'members of the key file');

    my %required = map { $_ => 1 }
        $source{'src/core/agent_keyfile.c'} =~ /\{ "(\w+)", [^}]*, 1 \}/g;
    my %said = map { /^\| `(\w+)` \| required/ ? ($1 => 1) : () }
        split /\n/, $table;

    is_deeply(\%said, \%required, 'members that are required');
}

for my $limit (qw/ AGENT_KEYFILE_LINE_MAX AGENT_KEY_TEXT_MAX
                   AGENT_KEY_LIST_MAX AGENT_KEY_NETWORKS_MAX /)
{
    my ($n) = $source{'src/core/agent_keyfile.h'} =~ /$limit\s+(\d+)/;
    like($keyfile, qr/\| $n\b/, "limits of the key file: $n");
}


# -- messages

# literals of C that follow each other, with "%V" and the like as an ellipsis

sub literal {
    my ($c) = @_;

    $c =~ s/(ngx_\w+_n|NGX_AGENT_RESOLV_CONF)\b/"$macro{$1}"/g;
    $c = join '', $c =~ /"((?:[^"\\]|\\.)*)"/g;
    $c =~ s/\\(.)/$1/g;

    return shortened($c);
}


sub shortened {
    my ($text) = @_;

    $text =~ s/%(?:\.?\*s|[uxX]?[izLDO]|ll?[ud]|[VsduZMl])/\x{2026}/g;
    $text =~ s/\x{2026}(?:[: ]*\x{2026})+(?=\z)/\x{2026}/;
    $text =~ s/(?<=in )\x{2026}:\x{2026}/\x{2026}/g;
    $text =~ s/(?<=of )\x{2026}:\x{2026}(?=,)/\x{2026}/g;
    $text =~ s/\x{2026}{2,}/\x{2026}/g;

    return $text;
}


sub code_spans {
    my ($text) = @_;

    return $text =~ /(?<!`)`([^`\n]+)`(?!`)/g;
}


my $literals = qr/(?:"(?:[^"\\\n]|\\.)*"|ngx_\w+_n
    |NGX_AGENT_RESOLV_CONF|\s+)+/x;

my (@log, @emerg, @faults);

for my $file (sort keys %source) {
    my $text = $source{$file};

    while ($text =~ /ngx_(conf_)?log_error\(([^"]*?),\s*
                     (?=(?:ngx_\w+_n\s*)?")($literals)/gx)
    {
        my ($conf, $arguments, $message) = ($1, $2, literal($3));

        if ($message =~ /^agent_auth: /) {
            push @log, $message;

        } elsif ($arguments =~ /NGX_LOG_EMERG/) {
            push @emerg, $message;
        }
    }

    next unless $file =~ m{/(?:agent_(?:keyfile|keytab_build|pepper|secret|jwe
                               |envelope)|ngx_agent_key_loader)\.c$}x;

    while ($text =~ /agent_fail\(err,\s*($literals)/g) {
        push @faults, literal($1);
    }
}

cmp_ok(scalar @log, '>', 30, 'messages are found in the source');
cmp_ok(scalar @emerg, '>', 25, 'and those of the configuration');
cmp_ok(scalar @faults, '>', 30, 'and faults of files');

# the table's first column
sub first_cells {
    my ($text) = @_;

    return map { /^\| (`.*?`) \|/ ? code_spans($1) : () } split /\n/, $text;
}

same([ map { shortened($_) }
       first_cells(section('docs/operations.md', 'Messages')) ],
    \@log, 'messages');

# how much room there is says "is too small" of the log, not the builder
same([ first_cells(section('docs/operations.md', 'Faults of the files')) ],
    [ grep { !/keys need/ } @faults ], 'faults of files');

{
    my @errors =
        map { s/^"agent_auth (?:key|oauth)" \K(?:needs a|must).*(?= in )/\x{2026}/r }
        map { s/"agent_key_zone" must have "\K[^"]*/\x{2026}/r }
        map { /^- `([^`]+)`/ ? $1 : () }
        split /\n/, $text{'docs/directives.md'};

    my @returned = map { /return "((?:[^"\\]|\\.)*)"/g } values %source;
    my %returned = map { s/\\(.)/$1/gr => 1 } @returned;

    my @invalid = map { "invalid parameter \"\x{2026}\" in \"$_\"" }
        map { /ngx_agent_conf_invalid\(cf, [^;]*?"(agent_\w+)"\)/g }
        $source{'src/module/ngx_agent_conf.c'};

    # what nginx puts before the text that a handler returns
    my (@plain, %said);

    for my $error (@errors) {
        if ($error =~ /^"agent_\w+" directive (.*)/) {
            $said{$1} = 1;
            ok($returned{$1}, "an error that is there: $error");

        } else {
            push @plain, $error;
        }
    }

    for my $text (grep { !/^is duplicate$/ && /^(?:is|has) / }
                  sort keys %returned)
    {
        ok($said{$text}, "documented: $text");
    }

    # the pepper file is with the faults of the files
    same(\@plain, [ (grep { !/pepper_file=/ } @emerg), @invalid ],
        'errors of the configuration');
}


# -- examples

sub nginx_blocks {
    my ($file) = @_;

    my @blocks;
    my ($block, $start, $indent, $number) = (undef, 0, '', 0);

    for my $line (split /\n/, $text{$file}) {
        $number++;

        if (!defined $block && $line =~ /^( *)```nginx$/) {
            ($block, $start, $indent) = ('', $number, $1);

        } elsif (defined $block && $line =~ /^\Q$indent\E```$/) {
            push @blocks, [ "$file:$start", $block ];
            $block = undef;

        } elsif (defined $block) {
            $block .= $line =~ s/^\Q$indent\E//r . "\n";
        }
    }

    return @blocks;
}


# the directives that are not within a block of another one

sub top_level {
    my ($text) = @_;

    $text =~ s/#.*//g;
    1 while $text =~ s/\{[^{}]*\}/;/;

    return map { /^\s*(\w+)/ ? $1 : () } split /;/, $text;
}


sub configuration {
    my ($block) = @_;

    my %has = map { $_ => 1 } top_level($block);

    unless ($has{http} || $has{load_module}) {
        my $http = grep { $has{$_} } qw/ server map upstream log_format
            agent_key_zone agent_scope_implies limit_req_zone
            agent_oauth_provider agent_token_cache
            agent_dpop_cache agent_revocations agent_audit_chain /;

        unless ($http) {
            $block = "location / {\n$block}\n"
                unless $has{location} || $has{listen};
            $block = "server {\n$block}\n";
        }

        my $add = '';
        $add .= "agent_key_zone zone=keys:1m file=keys.jsonl;\n"
            unless $block =~ /agent_key_zone/;
        $add .= "agent_audit logs/audit.log;\n"
            unless $block =~ /^agent_audit/m;

        $block = "events { }\nhttp {\n$add$block}\n";
    }

    my $load = $module =~ /\S/ ? "load_module $module;\n" : '';

    for ($block) {
        s/^load_module .*\n//m;
        s/^user .*\n//m if $> != 0;
        s{/etc/nginx/}{$dir/conf/}g;
        s{/var/log/nginx/}{$dir/logs/}g;
    }

    # what is written at a start that is not ours to speak of
    return "${load}pid $dir/logs/nginx.pid;\nerror_log $dir/logs/error.log;\n"
        . $block;
}


remove_tree($dir);
make_path("$dir/conf", "$dir/logs");

for my $name (qw/ keys partners internal /) {
    open my $out, '>', "$dir/conf/$name.jsonl" or die $!;
    print $out qq({"version":1,"keys":0}\n);
    close $out;
    chmod 0644, "$dir/conf/$name.jsonl";
}

for my $secret ([ peppers => 'p1' ], [ keks => 'k1' ]) {
    open my $out, '>', "$dir/conf/$secret->[0]" or die $!;
    print $out "$secret->[1] ", AgentAuth::encode_base64('x' x 32, ''), "\n";
    close $out;
    chmod 0640, "$dir/conf/$secret->[0]";
}

my $agentctl = $ENV{AGENTCTL} // "$root/build/agentctl";

for my $one ([ keys => 'keys.jsonl', 'keys.jwe' ],
             [ peppers => 'peppers', 'peppers.jwe' ])
{
    system($agentctl, qw/ envelope seal --bundle internal --type /, $one->[0],
        '--kek-file', "$dir/conf/keks", '--file', "$dir/conf/$one->[1]",
        '--out', "$dir/conf/$one->[2]") == 0 or die "agentctl: $?\n";
}
chmod 0600, "$dir/conf/peppers";

open my $out, '>', "$dir/conf/audit.key" or die $!;
print $out "k1 ", AgentAuth::encode_base64('x' x 32, ''), "\n";
close $out;
chmod 0600, "$dir/conf/audit.key";

open $out, '>', "$dir/conf/gate.secret" or die $!;
print $out "x" x 32, "\n";
close $out;
chmod 0600, "$dir/conf/gate.secret";

system('openssl', 'genpkey', '-quiet', '-algorithm', 'EC', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-out', "$dir/conf/gate.key") == 0
    or die "openssl genpkey\n";

# nginx frees nothing when it has read a configuration

local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '') . ',detect_leaks=0';

my $blocks = 0;

for my $file (sort keys %text) {
    for (nginx_blocks($file)) {
        my ($place, $block) = @$_;

        open my $out, '>', "$dir/conf/nginx.conf" or die $!;
        print $out configuration($block);
        close $out or die $!;

        my $output = `$nginx -t -e stderr -p $dir/ -c $dir/conf/nginx.conf 2>&1`;

        is($?, 0, "$place: nginx -t") or diag($output);
        unlike($output, qr/\[(?:warn|error)\]/, "$place: without a warning");
        $blocks++;
    }
}

cmp_ok($blocks, '>=', 15, 'there are examples');


same([ $text{'conf-examples/README.md'} =~ /^\| \[([\w-]+)\]/mg ],
    [ map { basename($_) } grep { -d } glob "$root/conf-examples/*" ],
    'configurations');


# -- links

sub anchors {
    my ($text) = @_;

    return map { lc s/[^\w -]//gr =~ s/ /-/gr } $text =~ /^#+ (.*)$/mg;
}


for my $file (sort keys %text) {
    my @bad;

    while ($text{$file} =~ /\]\(([^)\s]+)\)/g) {
        my ($path, $anchor) = split /#/, $1, 2;
        next if $path =~ /^https?:/;

        my $target = length $path ? dirname($file) . "/$path" : $file;
        $target =~ s{^\./}{};
        $target =~ s{/docs/\.\./}{/};

        push @bad, $path unless -e "$root/$target";
        push @bad, "$target#$anchor" if defined $anchor
            && !grep { $_ eq $anchor } anchors($text{$target} // '');
    }

    is("@bad", '', "$file: links lead somewhere");
}


# -- troubleshooting

{
    my @names = map { /^(\w+) \d/ ? $1 : () } @reasons;

    is(join(' ', grep { $text{'docs/troubleshooting.md'} !~ /`$_`/ } @names),
        '', 'troubleshooting: what to do about each reason');
}


# -- what standards ask for: each row is tested, or left out with a reason

SKIP: {
    my $path = "$root/../shared/docs/requirements.md";

    skip 'requirements.md is not there', 1 unless -f $path;

    my @rows = read_file($path) =~ /^\| *([A-Z]{1,3}-\d\d) *\|/mg;
    my %named;

    for (map { m{/corpus/} ? () : $_ } split /\n/,
        `cd "$root" && find t -type f -name '*.[tch]' -o -name canary`)
    {
        named(\%named, read_file($_));
    }

    named(\%named, section('docs/decisions.md', 'Left out'));

    is(join(' ', grep { !$named{$_} } @rows), '',
        @rows . ' requirements are tested, or left out');
}

# "C-01 to C-10" is ten of them, also where a line ends within

sub named {
    my ($named, $text) = @_;

    $text =~ s/\s+(?:[#*] *)?/ /g;

    while ($text =~ /\b([A-Z]{1,3})-(\d\d)\b(?: to \1-(\d\d)\b)?/g) {
        $named->{sprintf '%s-%02d', $1, $_} = 1 for $2 .. $3 // $2;
    }
}


# -- README

{
    my $readme = $text{'README.md'};

    for my $command ('sh conf-examples/quickstart/run', 'sh t/run') {
        like($readme, qr/^\Q$command\E\b/m, "README: $command");
        ok(-f "$root/" . (split ' ', $command)[1], 'which is there');
    }

    my ($json) = $readme =~ /^```json\n(.*?)^```/ms;
    my $event = eval { JSON::PP->new->utf8->decode($json =~ s/\n *//gr) };

    ok($event, 'README: the audit line is JSON') or diag($@);
    is($event->{metadata}{product}{version}, version(),
        'README: of this version');
    like($readme, qr/^Version \Q@{[ version() ]}\E\b/m, 'README: the version');
}

sub version {
    my ($version) = $source{'src/core/agent_version.h'} =~ /"([\d.]+)"/;

    return $version;
}

done_testing();
