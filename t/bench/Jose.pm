package Jose;

# JWTs and proofs that a request brings, made by t/bench/tokens, and what their
# signatures take to verify without anything around it.

use strict;
use warnings;

use Bench qw/ $bench write_file /;
use Exporter qw/ import /;

our @EXPORT = qw/ bare jose jose_conf /;

# signatures that the figure of the bare verification is the mean of
my $verified = 200;

my (%made, %bare);


# The credentials of so many requests, each the fields that it stands in.  kind
# is an algorithm, of which each request has another token; "cached", where all
# have the same; or "dpop", which is one token with a proof for each.

sub jose {
    my ($kind, $count) = @_;

    return $made{$kind} //= $kind eq 'dpop' ? proofs($count)
        : $kind eq 'cached' ? [ map { [ [ Authorization => "Bearer $_" ] ] }
            tokens('ES256', 1, set($kind)) ]
        : [ map { [ [ Authorization => "Bearer $_" ] ] }
            tokens($kind, $count, set($kind)) ];
}


sub proofs {
    my ($count) = @_;

    my ($token, @proofs) = tokens('-p', $count, set('dpop'));

    return [ map {
        [ [ Authorization => "DPoP $token" ], [ DPoP => $_ ] ]
    } @proofs ];
}


sub set {
    my ($kind) = @_;

    return "$bench/$kind.jwks";
}


sub tokens {
    my @arguments = @_;

    my @lines = `$bench/tokens @arguments`;

    $? == 0 or die "tokens @arguments failed\n";
    chomp @lines;

    return @lines;
}


# the provider whose tokens they are

sub jose_conf {
    my ($kind) = @_;

    return <<END;
agent_oauth_provider bench {
    issuer     https://auth.bench.example;
    verify     jwt;
    jwks_file  ${\ set($kind)};
    max_ttl    1d;
}
END
}


# instructions of one verification with a key that is ready

sub bare {
    my ($kind) = @_;

    my $alg = $kind eq 'dpop' ? 'ES256' : $kind;

    return $bare{$alg} //= do {
        my $out = "$bench/bare-$alg.callgrind";

        system("valgrind --tool=callgrind --callgrind-out-file=$out --quiet"
            . " --toggle-collect=tokens_verify"
            . " $bench/tokens -v $alg $verified") == 0
            or die "tokens -v $alg failed\n";

        main::total($out) / $verified;
    };
}


1;
