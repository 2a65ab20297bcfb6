// make_certificates DIRECTORY: what tests/cluster/secure.py needs. Of one authority: server, late
// (has expired), elsewhere (of another host); of a stranger: other.
#include "cluster/security/authority.h"

int main(int count, char** words) {
  if (count != 2) {
    std::fputs("usage: make_certificates DIRECTORY\n", stderr);
    return 2;
  }
  using imroute::cluster::Authority;
  const Authority authority(words[1], "authority");
  authority.issue("server");
  authority.issue("late", "IP:127.0.0.1", -3600);
  authority.issue("elsewhere", "DNS:elsewhere.example");
  const Authority stranger(words[1], "stranger");
  stranger.issue("other");
  return 0;
}
