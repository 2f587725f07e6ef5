"""NTP's packets and records, samples and the vote of clocks. Pure: instants are passed in."""
