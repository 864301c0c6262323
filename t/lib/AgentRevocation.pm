package AgentRevocation;

# The state file of agent_revocations, by way of agentctl.
#
#     revocation('revoke', 'state', kind => 'key', value => key_id('alpha'));
#     my @lines = state_lines('state');
#
# A file's name is relative to the prefix of nginx.  Tokens of an issuer of our
# own, checked with a file of keys: own_provider(), own_token().

use strict;
use warnings;

use Exporter 'import';
use JSON::PP ();
use Time::HiRes ();

use AgentAuth ();

our @EXPORT = qw/
    revocation refused_revocation state_path state_lines append_lines
    own_provider own_token own_issuer seconds next_second
/;

our $Issuer = 'https://own.test';

my ($tokens, $providers) = (0, 0);


sub state_path { return Test::Nginx::Util::server_root() . "/$_[0]" }


sub ctl {
    my ($op, $state, %option) = @_;

    my @args = map { ("--$_", $option{$_}) } sort keys %option;

    open my $out, '-|', "$AgentAuth::Root/build/agentctl", 'revocation', $op,
        '--state-file', state_path($state), @args or die "agentctl: $!\n";

    my $text = join '', <$out>;
    close $out;

    return ($? >> 8, $text);
}


sub revocation {
    my ($rc) = ctl(@_);

    $rc == 0 or die "agentctl revocation @_: exit $rc\n";
}


sub refused_revocation { return (ctl(@_))[0] != 0 }


sub state_lines {
    open my $in, '<', state_path($_[0]) or die "$_[0]: $!\n";

    return map { JSON::PP::decode_json($_) } <$in>;
}


# as they are, by nobody's leave

sub append_lines {
    my ($state, $text) = @_;

    open my $out, '>>', state_path($state) or die "$state: $!\n";
    print $out $text;
    close $out;
}


sub own_issuer { return $Issuer }


sub own_provider {
    my ($as, %param) = @_;

    my $path = $as->dir . '/own-keys.json';

    open my $out, '>', $path or die "$path: $!\n";
    print $out JSON::PP->new->encode({ keys => [
        { %{ $as->jwk($as->dir . '/agent-es256.key') }, kid => 'es256' } ] });
    close $out;

    %param = (issuer => $Issuer, metadata_uri => 'off', jwks_file => $path,
        miss_rate => 'off', max_ttl => '10m', %param);

    return 'agent_oauth_provider own' . ++$providers . " {\n"
        . join('', map { "$_ $param{$_};\n" } sort keys %param) . "}\n";
}


# NumericDates have no smaller unit.  Perl's time() may be a tick behind what
# nginx goes by.

sub seconds { return int Time::HiRes::time() }


sub next_second {
    my $now = seconds();

    AgentAuth::await(sub { seconds() > $now }, 'the next second');
}


# claims may be changed, undef: left out

sub own_token {
    my ($as, %change) = @_;

    my $now = seconds();
    my %claims = (iss => $Issuer, aud => 'https://api.test/a', sub => 'own',
        client_id => 'c', jti => "own-$$-" . ++$tokens, iat => $now,
        exp => $now + 3000, %change);

    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;

    return $as->jwt({ alg => 'ES256', typ => 'at+jwt', kid => 'es256' },
        \%claims, $as->dir . '/agent-es256.key');
}


1;
