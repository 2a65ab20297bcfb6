// One simulated run: the machines of a scenario, what connects them, the services they use, the
// users above them and the faults against them, moved by one event queue. Everything that happens
// is an event; every event that reaches a machine is folded into the trace hash.
//
// Phases: chaos (the scenario's duration, or until its healed core) -> core -> heal all -> drain ->
// final. The parts are classes of
// their own (Network, StoreLinks, BusLinks, FaultDriver, Tally); World owns them and carries
// between them and the machines: machines.cc lives and steps, carry.cc effects and arrivals,
// world.cc the run.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/hash.h"
#include "core/client/client.h"
#include "core/event/effect.h"
#include "core/node/node.h"
#include "core/router/router.h"
#include "harness/history/history.h"
#include "harness/workload/workload.h"
#include "sim/engine/event_queue.h"
#include "sim/network/network.h"
#include "sim/simulation.h"
#include "sim/world/bus_links.h"
#include "sim/world/events.h"
#include "sim/world/machine_clock.h"
#include "sim/world/store_links.h"
#include "sim/world/tally.h"
#include "store/directory.h"
#include "store/mailbox.h"
#include "store/registry.h"

namespace imroute {

class FaultDriver;

class World final : public NetworkHost, public StoreBackend, public BusHost {
 public:
  World(const Scenario& scenario, const SimulationOptions& options);
  ~World() override;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Result run();

  // ---- for faults ----------------------------------------------------------------------------
  int64_t now() const { return now_; }
  const Layout& layout() const { return layout_; }
  const Scenario& scenario() const { return scenario_; }
  Network& network() { return *network_; }
  StoreLinks& stores() { return *stores_; }
  BusLinks& bus() { return *bus_; }
  History& history() { return *history_; }
  Workload& workload() { return *workload_; }
  void schedule(int64_t at, WorldEvent kind, uint64_t index);
  void trace_fault(size_t index, std::string_view kind, std::string_view happens);

  bool alive(Endpoint e) const { return machines_[e].alive; }
  // Dead while anybody holds it dead. True when it was alive (first hold) or lives again (last).
  bool kill(Endpoint e, bool lose_unsynced = false);
  bool revive(Endpoint e);
  void wipe(uint32_t client);  // the next start of a dead client is a new installation
  void pause(Endpoint e);
  void resume(Endpoint e);
  // Everything it handles comes that much later; `serial`: and one after the other. Adds up.
  void slow_down(Endpoint e, DurationNs extra, DurationNs serial);
  void speed_up(Endpoint e, DurationNs extra, DurationNs serial);
  bool was_deferred(Endpoint e) const;  // it had to let something wait since it was held up
  // Clocks (clock_faults.cc). Skew: where the clock of its next life begins; true at the end when
  // a life began so. Drift adds up. A leap is forward and at once.
  void begin_skew(uint32_t fault, Endpoint e, DurationNs offset);
  bool end_skew(uint32_t fault, Endpoint e);
  void drift(Endpoint e, int32_t ppm);
  void leap(Endpoint e, DurationNs by);
  void command(Endpoint e, CommandKind kind);
  NodeStatus node_status(uint32_t node) const;
  NodeId holder_of(UserId user) const;
  bool wants_online(uint32_t client) const { return wanted_[client] != 0; }
  bool client_online(uint32_t client) const;
  uint32_t client_number(DeviceKey key) const;
  bool expire_session(uint32_t node);
  uint64_t fail_over(Role store, DurationNs lose_tail);                 // how many records are gone
  void begin_disk_trouble(uint32_t fault, Role store, FaultKind kind);  // disk_faults.cc
  bool end_disk_trouble(uint32_t fault);                                // true when it hit
  uint64_t evict(uint32_t fraction_ppm, uint64_t salt);
  void burst(int64_t until, uint32_t fraction_ppm, uint32_t factor);
  // Watch events and reads of one server (kNoEndpoint: of all) are held up.
  struct RegistryTrouble {
    Endpoint who = kNoEndpoint;
    FaultKind kind = FaultKind::late_watch;
    DurationNs delay_ns = 0;
    bool hit = false;
  };
  // code_faults.cc. True at the end: such a branch was taken; connections were another version's.
  void begin_perturb(uint32_t fault, Endpoint node, PerturbSite site, uint32_t ppm);
  bool end_perturb(uint32_t fault);
  void begin_version(uint32_t fault, Endpoint e, uint32_t version);
  bool end_version(uint32_t fault, Endpoint e);
  void begin_registry_trouble(uint32_t fault, const RegistryTrouble& trouble);
  bool end_registry_trouble(uint32_t fault);

  // ---- from the network, the stores and the bus ------------------------------------------------
  void on_up(Endpoint at, Endpoint from, LinkId link) override;
  void on_down(Endpoint at, Endpoint from, LinkId link, Reason reason) override;
  void on_frame(Endpoint at, Endpoint from, LinkId link, const Frame& frame) override;
  void on_lost(Endpoint from, Endpoint to, const Frame& frame) override;
  bool apply(int64_t now, Endpoint from, const StoreRequest& request, StoreAnswer& answer) override;
  void on_reply(Endpoint to, const Reply& reply) override;
  void on_op_counted(const StoreRequest& request) override;
  void on_bus_up(Endpoint at) override;
  void on_bus_down(Endpoint at, Reason reason) override;
  void on_bus_frame(Endpoint at, const Frame& frame) override;
  void on_bus_sent(uint32_t bytes, bool delivery) override;
  void on_bus_lost(Endpoint to, const Frame& frame) override;

 private:
  struct Machine {
    int64_t armed = kNever;  // time of its wake event in the queue
    int64_t want = kNever;   // its next deadline, on its own clock
    int64_t died_at = 0;     // when it is not alive
    uint16_t holds = 0;      // faults that keep it dead
    bool alive = false;
    bool deferring = false;  // look in deferrals_ before handing it anything
    bool own_clock = false;  // in clocks_; else it reads the world's time
  };
  // What a paused or slow machine has not handled yet, in order of arrival.
  struct Deferral {
    uint32_t pauses = 0;
    DurationNs extra = 0;
    DurationNs serial = 0;
    int64_t last_due = 0;
    bool used = false;
    std::deque<std::pair<int64_t, uint64_t>> waiting;  // due, event
  };
  // The most that any node ever had of something, dead ones included.
  struct HighWater {
    uint32_t cache_entries = 0, unacked = 0, route_attempts = 0;
    void raise(const NodeStatus& status);
  };
  struct OwnClock {
    MachineClock clock;
    std::map<uint32_t, DurationNs> origins;  // skews in force, by fault
    bool origin_used = false;                // a life began under them
    int32_t drift_ppm = 0;                   // sum of the drifts in force
  };
  struct DiskTrouble {  // torn_write, lost_fsync
    Role store = Role::mailbox;
    FaultKind kind = FaultKind::torn_write;
    int64_t since = 0;  // lost_fsync: what was written later is not on the disk
    bool hit = false;
  };
  struct Perturbed {
    uint32_t fault = 0;
    Endpoint node = kNoEndpoint;
    PerturbSite site{};
    uint32_t ppm = 0;
    uint64_t before = 0;  // branches that this life of the node had taken when it began
    bool hit = false;
  };
  struct Skewed {
    uint32_t fault = 0;
    Endpoint who = kNoEndpoint;
    uint32_t version = kThisVersion;
    uint64_t before = 0;  // Network::foreign_links
  };
  struct Sink;  // one machine's effects on the world

  // machines.cc
  void build_machines();
  void start_node(uint32_t i);
  void start_router(uint32_t i);
  void start_client_object(uint32_t i);
  void begin_life(Endpoint e);
  void end_life(Endpoint e, bool lose_unsynced);
  Checkpoint checkpoint() const;
  void step(Endpoint e, const Event& event, uint64_t digest);
  template <class M>
  void pump_machine(Endpoint e, M& machine, const Event& event);
  void arm(Endpoint e, MonoTime deadline);
  void wake(Endpoint e);
  void hold_up(Endpoint e);
  bool defer(Endpoint e, uint64_t event);
  void run_deferred(Endpoint e);
  DeviceKey key_of(uint32_t client) const;
  // clock_faults.cc
  OwnClock& clock_of(Endpoint e);
  MonoTime local_time(Endpoint e) const;
  int64_t true_time(Endpoint e, MonoTime local) const;
  void begin_clock(Endpoint e);
  void clock_changed(Endpoint e);
  // disk_faults.cc
  bool tears(Role store, const StoreRequest& request);
  void lose_on_crash(Role store, bool lose_unsynced);
  // code_faults.cc
  PerturbTable perturb_table(Endpoint node) const;
  void set_perturb(Endpoint node, PerturbSite site);
  void note_branches(Endpoint node);
  uint32_t version_of(Endpoint e) const;
  void add_counters(const Counters& counters);
  // carry.cc
  void judge_service(Endpoint from, const Frame& frame);
  void note_last_words(Endpoint at, Endpoint from);
  void notify(Endpoint from, Notify&& notice);
  void notify_client(uint32_t client, Notify&& notice);
  std::string trace_name(Endpoint e) const;  // "client:17.0": user and device
  void write_trace(const std::string& line);
  void trace(Endpoint from, const TraceRecord& record);
  void fire_watches();
  void arm_service_timer();
  void run_workload();
  void arm_workload();
  void act(Action&& action);
  // world.cc
  void loop();
  void seed_groups();
  void schedule_starts();
  Endpoint destination(uint64_t event) const;
  void dispatch(uint64_t event);
  void next_phase(uint64_t which);
  bool routing_idle() const;
  void read_sessions(FinalState& state) const;
  FinalState final_state();
  void report_progress();
  void finish(Result& result);

  const Scenario& scenario_;
  const SimulationOptions& options_;
  std::vector<Fault> plan_;
  Layout layout_;
  BlobPool pool_;  // outlives everything below
  EventQueue queue_;
  int64_t now_ = 0;
  Digest hash_;
  uint64_t events_ = 0;
  CheckpointLog checkpoints_;
  WrittenTrace written_;

  std::unique_ptr<History> history_;
  std::unique_ptr<Workload> workload_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<StoreLinks> stores_;
  std::unique_ptr<BusLinks> bus_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<FaultDriver> faults_;
  Tally tally_;
  LatencyTable watch_latency_;
  uint64_t watch_draw_ = 0;
  uint64_t watches_fired_ = 0;

  std::vector<Machine> machines_;  // by endpoint
  // Router and node: when the router last heard the node while that was dead.
  std::map<std::pair<Endpoint, Endpoint>, int64_t> last_words_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Router>> routers_;
  std::vector<std::optional<Client>> clients_;
  std::vector<uint8_t> wanted_;         // by client: its user wants it online
  std::map<uint32_t, uint32_t> wiped_;  // client -> how often reinstalled, when at all
  std::vector<uint8_t> wipe_pending_;
  std::vector<uint32_t> lives_;  // of servers
  std::map<Endpoint, Deferral> deferrals_;
  std::map<Endpoint, OwnClock> clocks_;
  uint32_t deferring_ = 0;                                 // machines that may let something wait
  std::map<uint32_t, RegistryTrouble> registry_troubles_;  // by fault
  std::map<uint32_t, DiskTrouble> disk_troubles_;          // by fault
  std::vector<Perturbed> perturbed_;
  std::vector<Skewed> skewed_;
  Effects effects_;
  Endpoint stepping_ = kNoEndpoint;
  bool shown_ = false;  // the step in progress showed something
  uint64_t spins_ = 0;  // wakes in a row without time passing
  MonoTime spun_at_ = -1;

  History::Phase phase_ = History::Phase::chaos;
  bool workload_stopped_ = false;
  bool at_most_once_ = false;
  bool pubsub_ = false;
  int64_t workload_armed_ = kNever;
  int64_t service_armed_ = kNever;
  int64_t drain_since_ = 0;
  int64_t settled_since_ = kNever;
  bool landing_ = false;               // the final phase: nobody is woken
  std::optional<FinalState> at_rest_;  // sessions, as they were before leases ran out in it
  bool done_ = false;
  bool cut_short_ = false;  // --until, or cancelled
  Counters dead_counters_;
  HighWater marks_;
  uint64_t frames_to_nobody_ = 0;  // sent while not connected
  int64_t last_progress_wall_ns_ = 0;
};

}  // namespace imroute
