// An IM server as a process runs it: the core's Node on sockets, with the stores that its
// configuration names.
#pragma once

#include <memory>
#include <optional>

#include "cluster/machine/driver.h"
#include "cluster/process/admin.h"
#include "cluster/process/server_start.h"
#include "cluster/process/settings.h"
#include "cluster/store/remote.h"
#include "core/node/node.h"

namespace imroute::cluster {

class NodeProcess : public Environment {
 public:
  // Throws SystemRefusal, as when a port is taken.
  NodeProcess(Loop& loop, const NodeSettings& settings);
  ~NodeProcess() override;

  // Called once, when it serves and the routers have heard so.
  void on_ready(std::function<void()> call);
  // Where others reach it, with the ports that the system gave.
  const ServerPlace& place() const { return self_.place; }
  // "host:port" of the operators' port, empty when there is none.
  std::string admin() const;
  std::string web() const { return {}; }
  // Leaves in order: out of the registry, clients sent elsewhere, hand-over; then the loop stops.
  void drain();
  // Leaves at once: clients are dropped, the registry is told; then the loop stops.
  void stop();

 private:
  std::string metrics();
  std::optional<HostPort> where(Address server) override;
  LayerHandle layer_to(const HostPort& to) override { return layers_.to_peer(to); }
  void admit(const std::string&, const Greeting& greeting, Decide decide) override {
    decide(gate_.admit(greeting));
  }
  void on_notice(const Notify& notice) override;
  void on_trace(const TraceRecord& record) override;
  void on_trouble(std::optional<Address> dialled, std::string_view why) override;
  Stores make_stores();
  void end_when_settled();
  void look_whether_ready();
  void look_whether_fenced();

  Loop& loop_;
  NodeSettings settings_;
  Layers layers_;
  NodeGate gate_;
  Greeting self_;
  std::unique_ptr<Listener> client_listener_, peer_listener_;
  MachineOf<Node> machine_;
  std::optional<Driver> driver_;
  std::unique_ptr<HttpServer> admin_;
  std::function<void()> on_ready_;
  bool serving_ = false;
  Timer ready_;
  Timer fences_;
  uint64_t fences_logged_ = 0;
  bool fenced_logged_ = false;
  bool refusal_logged_ = false;
  Timer end_;
  MonoTime end_by_ = kNever;
  bool draining_ = false;
};

}  // namespace imroute::cluster
