// send: one message from a script. It ends when the message is accepted: stored, whatever becomes
// of the cluster.
#include "cli/cluster/serve.h"
#include "cli/commands.h"
#include "cluster/process/user_book.h"
#include "cluster/process/user_client.h"

namespace imroute {

namespace {

int send_one(const Options& options, const Console& console) {
  cluster::Loop loop;
  int code = kExitEnvironment;
  std::string trouble;
  const auto on_notice = [&](const Notify& n) {
    if (n.kind == NoticeKind::accepted) {
      code = kExitHeld;
      console.out << "accepted as #" << n.entry.position.seq << std::endl;
    } else if (n.kind == NoticeKind::refused) {
      code = kExitViolated;
      console.err << "imroute: refused: " << to_string(n.reason) << '\n';
    } else {
      return;
    }
    loop.post([&loop] { loop.stop(); });
  };
  cluster::UserClient client(loop, user_settings(options), on_notice,
                             [&](const std::string& why, bool refused) {
                               trouble = why;
                               if (!refused) return;
                               code = kExitViolated;
                               console.err << "imroute: " << why << '\n';
                               loop.post([&loop] { loop.stop(); });
                             });
  cluster::Timer limit(loop, [&] {
    console.err << "imroute: not accepted within " << human_ns(options.timeout_ns)
                << (client.core().online() ? "; the mailbox does not answer"
                    : trouble.empty()
                        ? "; no router or node could be reached at " + options.routers.front()
                        : "; " + trouble)
                << '\n';
    loop.stop();
  });
  limit.set(cluster::monotonic_now() + options.timeout_ns);
  loop.post([&] {
    client.start();
    client.send(options.group.empty()
                    ? ConversationId::direct(client.user(), cluster::user_id_of(options.to))
                    : cluster::group_named(options.group),
                options.message, 1);
  });
  loop.on_signals([&](int) {
    code = kExitInterrupted;
    loop.stop();
  });
  loop.run();
  return code;
}

}  // namespace

int send_command(const Options& options, const Console& console) {
  return in_environment([&] { return send_one(options, console); });
}

}  // namespace imroute
