# What a compiler here would not say.  Without this a file could compile on one
# system and not on the next: nginx's configuration decides which declarations
# the headers of the system have, and so is to come before all of these.

use strict;
use warnings;

use File::Basename qw/ basename dirname /;
use Test::More;

my $root = dirname(__FILE__) . '/..';
my %path = map { basename($_) => $_ } glob "$root/src/*/*.h";


# the first header in angle brackets, in our own headers if need be

sub first_include {
    my ($path) = @_;

    open my $in, '<', $path or die "$path: $!\n";

    while (<$in>) {
        my ($bracket, $name) = /^\s*#\s*include\s*([<"])([^>"]+)/ or next;

        return $name if $bracket eq '<';
        next unless $path{$name};

        my $first = first_include($path{$name});
        return $first if defined $first;
    }

    return;
}


my @files = glob "$root/src/*/ngx_*.[ch]";

cmp_ok(scalar @files, '>', 20, 'there are files');

for my $file (@files) {
    is(first_include($file), 'ngx_config.h', basename($file));
}

done_testing();
