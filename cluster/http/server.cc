#include "cluster/http/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <map>
#include <optional>
#include <utility>

#include "cluster/net/loop.h"

namespace imroute::cluster {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;

namespace {

constexpr DurationNs kFarewellTime = 2 * kSecond;  // for the other side to read our last words

std::string reply_text(const HttpReply& reply, bool keep, bool head) {
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " " + status_text(reply.status) +
                    "\r\nContent-Type: " + reply.type +
                    "\r\nContent-Length: " + std::to_string(reply.body.size()) +
                    (keep ? "" : "\r\nConnection: close") +
                    "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
  if (reply.status == 401) out += "WWW-Authenticate: Bearer\r\n";
  if (!reply.allow.empty()) out += "Allow: " + reply.allow + "\r\n";
  out += "\r\n";
  return head ? out : out + reply.body;
}

HttpReply refusal(const Error& error, const HttpLimits& limits) {
  if (error == http::error::body_limit) {
    return problem_reply({413,
                          "the body is too large",
                          {},
                          std::to_string(limits.body_bytes) + " bytes",
                          "send less in one request"});
  }
  if (error == http::error::header_limit) {
    return problem_reply({431,
                          "the header is too large",
                          {},
                          std::to_string(limits.header_bytes) + " bytes",
                          "shorten the address or leave header fields out"});
  }
  return problem_reply({400, "this is not a request of HTTP/1.1: " + error.message(), {}, {}, {}});
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct HttpServer::State {
  State(Loop& l, Answer a, const HttpLimits& most, MakeLayer make)
      : loop(l), answer(std::move(a)), limits(most), make_layer(std::move(make)) {}
  LayerHandle new_layer() const { return make_layer ? make_layer() : nullptr; }

  Loop& loop;
  Answer answer;  // empty once the server is gone
  HttpLimits limits;
  MakeLayer make_layer;
  HttpTotals totals;
  std::unique_ptr<Listener> listener;
  std::map<uint64_t, std::shared_ptr<Visit>> visits;  // oldest first
  uint64_t next = 1;

  void adopt(const std::shared_ptr<State>& self, int socket);
  void make_room();
};

// One connection. It belongs to the server until it is closed; what the loop still holds of it
// afterwards does nothing.
class HttpServer::Visit : public std::enable_shared_from_this<Visit> {
 public:
  Visit(std::shared_ptr<State> server, uint64_t number, int socket)
      : server_(std::move(server)),
        number_(number),
        socket_(server_->loop.context()),
        late_(server_->loop, [this] { on_late(); }),
        layer_(server_->new_layer()) {
    Error ignored;
    socket_.assign(tcp::v4(), socket, ignored);
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
  }
  void start() { await_request(); }
  bool idle() const { return stage_ == Stage::reading && !parser_; }

  void close() {
    if (stage_ == Stage::closed) return;
    stage_ = Stage::closed;
    late_.set(kNever);
    Error ignored;
    socket_.close(ignored);
    server_->visits.erase(number_);  // may be the last but the caller's
  }

 private:
  enum class Stage : uint8_t { reading, answering, writing, parting, closed };

  void within(DurationNs time) { late_.set(monotonic_now() + time); }

  void await_request() {
    stage_ = Stage::reading;
    parser_.reset();
    within(server_->limits.idle);
    if (arrived_.empty()) return wait_readable();
    server_->loop.post([self = shared_from_this()] { self->parse(); });  // not ever deeper
  }

  void wait_readable() {
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const Error& error) {
      if (self->stage_ == Stage::closed) return;
      if (error) return self->close();
      self->on_readable();
    });
  }

  void on_readable() {
    const std::span<std::byte> buffer = server_->loop.read_buffer();
    Error error;
    const size_t size = socket_.read_some(asio::buffer(buffer.data(), buffer.size()), error);
    if (error == asio::error::would_block) return wait_readable();
    if (error) return close();
    if (stage_ == Stage::parting) return wait_readable();  // what was on the way; not read
    if (layer_ != nullptr) return unwrap(buffer.first(size));
    arrived_.insert(arrived_.end(), buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
    parse();
  }

  void unwrap(std::span<const std::byte> bytes) {
    const size_t before = arrived_.size();
    layer_state_ = layer_->receive(bytes, arrived_, out_);
    if (layer_state_ == LayerState::failed) ++server_->totals.bad_requests;
    const bool over = layer_state_ == LayerState::failed || layer_state_ == LayerState::ended;
    if (over) return part();
    if (!write_some()) return;
    if (arrived_.size() == before) return wait_readable();
    parse();
  }

  // As the layer wants it.
  void put(std::string_view text) {
    const std::span bytes = std::as_bytes(std::span(text));
    if (layer_ != nullptr) return layer_->send(bytes, out_);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }

  void parse() {
    if (stage_ != Stage::reading) return;
    if (!parser_) {
      parser_.emplace();
      parser_->header_limit(server_->limits.header_bytes);
      parser_->body_limit(server_->limits.body_bytes);
      parser_->eager(true);
      within(server_->limits.arrival);
    }
    while (!arrived_.empty() && !parser_->is_done()) {
      Error error;
      const size_t used = parser_->put(asio::const_buffer(arrived_.data(), arrived_.size()), error);
      arrived_.erase(arrived_.begin(), arrived_.begin() + static_cast<ptrdiff_t>(used));
      if (error == http::error::need_more) break;
      if (error) {
        ++server_->totals.bad_requests;
        return write(refusal(error, server_->limits), false);
      }
      if (used == 0) break;
    }
    if (arrived_.empty()) arrived_ = {};  // who waits owns no buffer
    if (parser_->is_done()) return dispatch();
    if (parser_->is_header_done() && !std::exchange(told_to_go_on_, true) &&
        view(parser_->get()[http::field::expect]) == "100-continue") {
      put("HTTP/1.1 100 Continue\r\n\r\n");
      if (!write_some()) return;
    }
    wait_readable();
  }

  void dispatch() {
    ++server_->totals.requests;
    ++turn_;
    told_to_go_on_ = false;
    stage_ = Stage::answering;
    within(server_->limits.answer);
    const auto& message = parser_->get();
    HttpRequest request;
    request.method = view(message.method_string());
    request.content_type = view(message[http::field::content_type]);
    request.authorization = view(message[http::field::authorization]);
    request.body = message.body();
    head_ = request.method == "HEAD";
    keep_ = parser_->keep_alive();
    const Respond respond = [weak = weak_from_this(), turn = turn_](HttpReply reply) {
      const auto self = weak.lock();
      if (self != nullptr && self->turn_ == turn) self->respond(reply);
    };
    const std::string_view origin = view(message[http::field::origin]);
    if (!origin.empty() && !origin_allowed(origin, view(message[http::field::host]), {})) {
      return respond(problem_reply({403,
                                    "a page of another site may not ask this server",
                                    "Origin: " + std::string(origin),
                                    "no page, or one from here",
                                    {}}));
    }
    auto target = parse_target(view(message.target()));
    if (!target) {
      return respond(problem_reply({400,
                                    "the address of the request is malformed",
                                    {},
                                    "/path?key=value, each key once",
                                    {}}));
    }
    request.target = std::move(*target);
    if (server_->answer) server_->answer(request, respond);
  }

  void respond(const HttpReply& reply) {
    if (stage_ == Stage::answering) write(reply, keep_);
  }

  void write(const HttpReply& reply, bool keep) {
    stage_ = Stage::writing;
    keep_ = keep;
    put(reply_text(reply, keep, head_));
    within(server_->limits.writing);
    if (write_some()) written();
  }

  // True when nothing is left to write; false also when the connection is gone.
  bool write_some() {
    while (sent_ < out_.size()) {
      Error error;
      const size_t size =
          socket_.write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_), error);
      if (error == asio::error::would_block) {
        socket_.async_wait(tcp::socket::wait_write,
                           [self = shared_from_this()](const Error& failure) {
                             if (self->stage_ == Stage::closed) return;
                             if (failure) return self->close();
                             if (self->write_some()) self->written();
                           });
        return false;
      }
      if (error) {
        close();
        return false;
      }
      sent_ += size;
    }
    out_ = {};  // who waits owns no buffer
    sent_ = 0;
    return true;
  }

  void written() {
    if (stage_ == Stage::parting) return part();
    if (stage_ == Stage::reading) return wait_readable();  // "100 Continue", or the layer's own
    if (keep_) return await_request();
    part();
  }

  // Ends when the last words are sent; what the other side still says is not read as anything.
  void part() {
    stage_ = Stage::parting;
    if (layer_state_ == LayerState::open) layer_->finish(out_);
    layer_state_ = LayerState::ended;
    within(kFarewellTime);
    if (!write_some()) return;
    Error ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    wait_readable();
  }

  void on_late() {
    const auto self = shared_from_this();
    if (stage_ == Stage::answering) {
      ++server_->totals.unanswered;
      ++turn_;
      return write(problem_reply({504,
                                  "no answer in time: whether it was done is not known",
                                  {},
                                  {},
                                  "repeat the request; with an id it is done once"}),
                   keep_);
    }
    if (stage_ != Stage::reading || idle()) return close();
    ++server_->totals.bad_requests;
    write(problem_reply({408, "the request did not arrive in time", {}, {}, {}}), false);
  }

  std::shared_ptr<State> server_;
  uint64_t number_;
  tcp::socket socket_;
  Timer late_;
  Stage stage_ = Stage::reading;
  bool keep_ = false;
  bool head_ = false;
  bool told_to_go_on_ = false;
  uint64_t turn_ = 0;  // of the request that is being answered
  LayerHandle layer_;
  LayerState layer_state_ = LayerState::opening;
  ByteBuffer arrived_;  // not yet parsed
  ByteBuffer out_;
  size_t sent_ = 0;  // of `out_`
  std::optional<http::request_parser<http::string_body>> parser_;
};

void HttpServer::State::adopt(const std::shared_ptr<State>& self, int socket) {
  if (visits.size() >= limits.connections) make_room();
  const uint64_t number = next++;
  const auto visit = std::make_shared<Visit>(self, number, socket);
  if (visits.size() >= limits.connections) {
    ++totals.pushed_out;
    return;  // closed with the visit
  }
  visits.emplace(number, visit);
  visit->start();
}

void HttpServer::State::make_room() {
  for (const auto& [number, visit] : visits) {
    if (!visit->idle()) continue;
    ++totals.pushed_out;
    const auto keep = visit;
    return keep->close();
  }
}

HttpServer::HttpServer(Loop& loop, const HostPort& at, Answer answer, const HttpLimits& limits,
                       MakeLayer make_layer)
    : state_(std::make_shared<State>(loop, std::move(answer), limits, std::move(make_layer))) {
  state_->listener =
      std::make_unique<Listener>(loop, at, [weak = std::weak_ptr(state_)](int socket) {
        if (const auto state = weak.lock()) state->adopt(state, socket);
      });
}

HttpServer::~HttpServer() {
  state_->answer = nullptr;
  state_->listener->stop();
  while (!state_->visits.empty()) {
    const auto visit = state_->visits.begin()->second;
    visit->close();
  }
}

uint16_t HttpServer::port() const { return state_->listener->port(); }
const HttpTotals& HttpServer::totals() const { return state_->totals; }

}  // namespace imroute::cluster
