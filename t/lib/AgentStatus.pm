package AgentStatus;

# What agent_status tells, for suites: the location is /status.
#
#     my $before = state();
#     ... two requests ...
#     is_deeply(grown($before, settled($before, 2)),
#         { 'ok allow key enforce' => 2 });

use strict;
use warnings;

use Exporter 'import';
use JSON::PP ();
use Test::More ();

use AgentClient;

our @EXPORT = qw/ state settled grown metrics samples place provider_of
    zone_of /;


# the JSON document

sub state {
    my (%option) = @_;

    my $answer = ask('GET ' . ($option{path} // '/status') . '?format=json',
        @{ $option{headers} // [] });

    die "status: $answer->{status}\n" unless $answer->{status} == 200;

    return JSON::PP->new->utf8->decode($answer->{body});
}


# The same once so many more requests than before are counted: a request is
# when its worker is done with it, which may be after the client has its answer.

sub settled {
    my ($before, $n) = @_;

    my $state;

    AgentAuth::await(sub {
        $state = AgentStatus::state();
        return $state->{decisions}{total} >= $before->{decisions}{total} + $n;
    }, "$n requests are counted");

    return $state;
}


# what was decided between two of them

sub grown {
    my ($before, $after) = @_;

    my %count;

    for (@{ $after->{decisions}{by} }) {
        $count{"@$_{qw/ reason result method mode /}"} += $_->{count};
    }

    for (@{ $before->{decisions}{by} }) {
        $count{"@$_{qw/ reason result method mode /}"} -= $_->{count};
    }

    return { map { $count{$_} ? ($_ => $count{$_}) : () } keys %count };
}


sub place {
    my ($state, $location) = @_;

    my ($place) = grep { $_->{location} eq $location }
        @{ $state->{locations} };

    return $place;
}


sub provider_of {
    my ($state, $name) = @_;

    my ($provider) = grep { $_->{name} eq $name } @{ $state->{providers} };

    return $provider;
}


sub zone_of {
    my ($state, $name) = @_;

    my ($zone) = grep { $_->{name} eq $name } @{ $state->{key_zones} };

    return $zone;
}


sub metrics {
    my ($format) = @_;

    return ask("GET /status?format=$format");
}


# the samples of a text: "name{labels}" => value

sub samples {
    my ($text) = @_;

    return { map { /^#/ ? () : /^(\S+?(?:\{.*\})?) (\S+)$/ ? ($1 => $2)
                   : die "not a sample: $_\n" } split /\n/, $text };
}

1;
