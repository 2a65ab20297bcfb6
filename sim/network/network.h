// Connections between machines as TCP gives them: a stream each way, in order, that can be slow,
// stand still, break, break on one side only, or swallow everything without a sign; never one that
// loses a frame in its middle. Crash of a process resets its connections; sending to a dead one is
// answered with a reset.
//
// Bytes are real: a frame is encoded when it is sent and decoded when it arrives (by_value keeps
// the object; sizes, times and events are the same). Every connection draws its latencies from a
// stream named by who dials whom for the how-manieth time, so a fault elsewhere does not reshuffle
// them.
//
// What is under way is a flight: one event each, in a pool. A connection lives until both ends are
// closed and its last flight has landed.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/payload.h"
#include "core/model/frame.h"
#include "core/wire/hello.h"
#include "harness/scenario/scenario.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/pool.h"
#include "sim/network/edge_rules.h"
#include "sim/network/latency.h"
#include "sim/network/layout.h"

namespace imroute {

// What the network tells the machines' driver. `link` names a client's connection at its server and
// is kNoLink between servers and at the client's own end.
class NetworkHost {
 public:
  virtual ~NetworkHost() = default;
  virtual void on_up(Endpoint at, Endpoint from, LinkId link) = 0;
  virtual void on_down(Endpoint at, Endpoint from, LinkId link, Reason reason) = 0;
  virtual void on_frame(Endpoint at, Endpoint from, LinkId link, const Frame& frame) = 0;
  // A frame that was sent and will never arrive. Called only when asked for (`report_lost`).
  virtual void on_lost(Endpoint from, Endpoint to, const Frame& frame) = 0;
};

inline constexpr DurationNs kRetransmitLimitNs = 15 * kSecond;  // then a stream gives up

class Network {
 public:
  // Flights are scheduled as `what` = tag | flight index.
  Network(const Layout& layout, const NetworkConfig& config, uint64_t seed, EventQueue& queue,
          uint64_t tag, BlobPool& pool, NetworkHost& host);
  ~Network();

  void report_lost(bool on) { report_lost_ = on; }
  EdgeRules& rules() { return rules_; }

  // What the process that runs there now says when it connects: first of all, both ends agree on a
  // version and its features (core/wire/hello.h), or the connection is refused.
  void set_hello(Endpoint e, const Hello& hello) { hello_[e] = hello; }
  // Connections of that machine whose ends were not both of this version, refused ones included.
  uint64_t foreign_links(Endpoint e) const { return foreign_links_[e]; }
  // A machine listens from now on, or is dead: connections to it are refused.
  void set_listening(Endpoint e, bool on) { listening_[e] = on; }
  // Its process ended: every connection it has is closed here, the other ends see a reset.
  void process_died(int64_t now, Endpoint e);

  // No-op when connected or dialling. Answered by on_up or on_down.
  void connect(int64_t now, Endpoint from, Endpoint to);
  // Bytes sent; 0 when not connected (the frame is dropped).
  uint32_t send_peer(int64_t now, Endpoint from, Endpoint to, const Frame& frame);
  uint32_t send_link(int64_t now, Endpoint from, LinkId link, const Frame& frame);
  // To every node that is up for `from`, encoded once. Adds to `count`; returns bytes of one.
  uint32_t send_mesh(int64_t now, Endpoint from, const Frame& frame, uint32_t& count);
  void close_peer(int64_t now, Endpoint from, Endpoint to);
  void close_link(int64_t now, Endpoint from, LinkId link);
  bool is_up(Endpoint from, Endpoint to) const;
  // The client at the other end of a link, kNoEndpoint when the link is gone.
  Endpoint client_of(Endpoint server, LinkId link) const;

  // Whose event a flight is: that machine may be paused.
  Endpoint destination(uint32_t flight) const;
  void arrive(int64_t now, uint32_t flight);

  // Rules were removed: what they held goes on. Rules with disposition reset were added: break.
  void release_held(int64_t now);
  // Breaks connections whose edge `matches` in either direction (first end = the one matching as
  // `from`), each with `probability_ppm`; sides as Fault::sides. Returns how many.
  uint32_t break_matching(int64_t now, const EdgeMatch& match, uint32_t probability_ppm,
                          uint8_t sides, uint64_t salt);
  // The same choice, but they swallow everything from now on without a sign.
  uint32_t swallow_matching(const EdgeMatch& match, uint32_t probability_ppm, uint64_t salt);
  // The dialling side sees a reset now, the other only after `delay`, and until then goes on
  // reading: what the client repeats on its next connection overlaps with that.
  uint32_t split_matching(int64_t now, const EdgeMatch& match, uint32_t probability_ppm,
                          DurationNs delay, uint64_t salt);
  // All connections of one machine break for both sides.
  uint32_t break_all(int64_t now, Endpoint e);

  uint32_t connections_of(Endpoint e) const;
  uint32_t connections() const { return conns_.alive(); }
  uint32_t flights() const { return flights_.alive(); }
  uint64_t frames_dropped() const { return dropped_; }
  // When what was sent under a rule has come, or is sent again, and all that waits behind it:
  // retransmission backs off, and a stream may stand long after packets pass again.
  int64_t late_until() const { return late_until_; }

 private:
  enum class End : uint8_t { closed, dialling, up };
  enum class FlightType : uint8_t {
    syn,
    syn_ack,
    frame,
    fin,
    reset,
    flush,            // what this side holds may be sent again
    give_up,          // this side held something too long
    connect_timeout,  // this side waited too long
  };
  struct Direction {
    int64_t last_arrival = 0;
    int64_t busy_until = 0;
    int64_t held_since = 0;
    uint32_t held_head = kNone, held_tail = kNone;
    bool held_by_drop = false;  // packets are lost: it goes on at the next retransmission
    bool listed = false;        // in held_
  };
  struct Held {
    uint32_t conn, generation;
    uint8_t side;
  };
  struct Conn {
    std::array<Endpoint, 2> end{};  // 0 dialled
    std::array<End, 2> state{};
    uint8_t link_class = 0;
    bool swallows = false;
    bool alive = false;
    uint32_t generation = 0;
    uint32_t under_way = 0;
    uint64_t features = kAllFeatures;  // agreed on
    uint64_t name = 0;                 // of its stream
    uint64_t draw = 0;                 // next draw of the stream
    std::array<Direction, 2> out;      // by sending side
    std::array<uint32_t, 2> next{}, prev{};
  };
  struct Flight {
    uint32_t conn = 0;
    uint32_t next = 0;  // in a held list
    uint32_t size = 0;
    uint32_t object = kNone;  // by_value: index in objects_
    FlightType type = FlightType::frame;
    uint8_t side = 0;  // sending side; for timers, whose timer
    Reason reason = Reason::none;
    Payload bytes;
  };
  static constexpr uint32_t kNone = ~uint32_t{0};

  uint32_t find(Endpoint from, Endpoint to) const;
  uint32_t& view(Endpoint from, Endpoint to);
  uint32_t conn_of_link(Endpoint server, LinkId link, uint8_t& side) const;
  LinkId link_id(uint32_t conn) const;
  LinkId link_at(uint32_t conn, uint8_t side) const;
  uint8_t side_of(const Conn& conn, Endpoint e) const { return conn.end[0] == e ? 0 : 1; }
  void open_end(uint32_t conn, uint8_t side, End state);
  void close_end(uint32_t conn, uint8_t side);
  void settle(uint32_t conn);

  uint32_t make_flight(uint32_t conn, uint8_t side, FlightType type, Reason reason);
  uint32_t encode_frame(const Frame& frame, uint64_t features, Payload& bytes);
  bool agree_on_version(Conn& conn);
  void send_frame(int64_t now, uint32_t conn, uint8_t side, const Frame& frame,
                  const Payload& bytes, uint32_t size);
  void signal(int64_t now, uint32_t conn, uint8_t side, FlightType type, Reason reason);
  void transmit(int64_t now, uint32_t flight);
  void launch(int64_t now, uint32_t flight, const EdgeVerdict& verdict);
  void hold(int64_t now, uint32_t flight, Disposition disposition);
  void drop_flight(uint32_t flight, bool lost);
  void drop_held(uint32_t conn, uint8_t side);
  void flush_held(int64_t now, uint32_t conn, uint8_t side);
  void timer(int64_t at, uint32_t conn, uint8_t side, FlightType type);
  void break_conn(int64_t now, uint32_t conn, Reason reason);
  void show_reset(int64_t at, uint32_t conn, uint8_t to, Reason reason);

  void on_syn(int64_t now, uint32_t conn);
  void on_syn_ack(int64_t now, uint32_t conn);
  void on_frame(int64_t now, uint32_t conn, uint8_t to, uint32_t flight);
  void on_end(uint32_t conn, uint8_t to, FlightType type, Reason reason);
  void on_timer(int64_t now, uint32_t conn, uint8_t side, FlightType type);
  const Frame& object_of(Flight& flight);
  // Connections chosen, each with the side that is the match's first end.
  std::vector<std::pair<uint32_t, uint8_t>> matching(const EdgeMatch& match,
                                                     uint32_t probability_ppm, uint64_t salt) const;

  const Layout& layout_;
  EventQueue& queue_;
  uint64_t tag_;
  BlobPool& pool_;
  NetworkHost& host_;
  EdgeRules rules_;
  bool by_value_;
  bool report_lost_ = false;
  uint64_t seed_;
  std::array<LatencyTable, 3> latency_;
  std::array<uint64_t, 3> bandwidth_;
  std::array<uint64_t, 3> queue_bytes_;

  Pool<Conn> conns_;
  uint32_t conn_slots_ = 0;
  Pool<Flight> flights_;
  Pool<Frame> objects_;
  std::vector<uint32_t> view_;      // servers x servers: the connection a server has to another
  std::vector<uint32_t> first_;     // per endpoint: its connections
  std::vector<uint32_t> dialled_;   // per endpoint: connections it ever dialled
  std::vector<uint8_t> listening_;  // per endpoint
  std::vector<Hello> hello_;
  std::vector<uint64_t> foreign_links_;
  std::vector<Held> held_;  // directions that hold something (or did)
  ByteBuffer scratch_;
  Frame decoded_;
  uint64_t dropped_ = 0;
  int64_t late_until_ = 0;
};

}  // namespace imroute
