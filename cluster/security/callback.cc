#include "cluster/security/callback.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <utility>

#include "config/json.h"

namespace imroute::cluster {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

namespace {
constexpr size_t kMostCalls = 1024;  // under way
constexpr size_t kMostAnswer = 16 * 1024;

std::string question(const std::string& user, const std::string& proof,
                     const std::string& address) {
  JsonValue object = JsonValue::make_object();
  object.add("user", JsonValue::make_string(user));
  object.add("proof", JsonValue::make_string(proof));
  object.add("address", JsonValue::make_string(address));
  return json_line(object);
}
}  // namespace

std::optional<CallbackUrl> parse_callback_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const size_t slash = text.find('/');
  CallbackUrl url;
  url.host = text.substr(0, slash);
  url.path = slash == std::string_view::npos ? "/" : text.substr(slash);
  for (const char c : url.path) {
    if (c <= ' ' || c == 0x7f) return std::nullopt;
  }
  const bool has_port = url.host.rfind(':') != std::string::npos && url.host.back() != ']';
  const auto at = parse_host_port(has_port ? url.host : url.host + ":80");
  if (!at || at->port == 0) return std::nullopt;
  url.at = *at;
  return url;
}

struct Callback::State {
  State(Loop& l, CallbackUrl u, DurationNs t) : loop(l), url(std::move(u)), timeout(t) {}
  Loop& loop;
  CallbackUrl url;
  DurationNs timeout;
  uint64_t asked = 0;
  uint64_t unanswered = 0;
  size_t open = 0;
};

// One question. It keeps itself alive until it is over.
class Callback::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<State> state, OnVerdict on_verdict)
      : url_(state->url),
        state_(state),
        on_verdict_(std::move(on_verdict)),
        resolver_(state->loop.context()),
        stream_(state->loop.context()) {
    ++state->open;
    answer_.body_limit(kMostAnswer);
    answer_.header_limit(kMostAnswer);
  }

  void start(DurationNs timeout, std::string body) {
    request_.method(http::verb::post);
    request_.target(url_.path);
    request_.version(11);
    request_.set(http::field::host, url_.host);
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::connection, "close");
    request_.body() = std::move(body);
    request_.prepare_payload();
    limit_.emplace(stream_.get_executor(), std::chrono::nanoseconds(timeout));
    limit_->async_wait([call = shared_from_this()](const ErrorCode& problem) {
      if (!problem) call->end(Verdict::unknown);
    });
    resolver_.async_resolve(url_.at.host, std::to_string(url_.at.port),
                            [call = shared_from_this()](const ErrorCode& problem,
                                                        const tcp::resolver::results_type& found) {
                              if (call->goes_on(problem)) call->connect(found);
                            });
  }

 private:
  bool goes_on(const ErrorCode& problem) {
    if (problem) end(Verdict::unknown);
    return !over_;
  }
  void connect(const tcp::resolver::results_type& found) {
    stream_.async_connect(found,
                          [call = shared_from_this()](const ErrorCode& problem, const auto&) {
                            if (call->goes_on(problem)) call->write();
                          });
  }
  void write() {
    http::async_write(stream_, request_,
                      [call = shared_from_this()](const ErrorCode& problem, size_t) {
                        if (call->goes_on(problem)) call->read();
                      });
  }
  void read() {
    http::async_read_header(stream_, buffer_, answer_,
                            [call = shared_from_this()](const ErrorCode& problem, size_t) {
                              if (call->goes_on(problem)) call->judge();
                            });
  }
  void judge() {
    const unsigned status = answer_.get().result_int();
    if (status >= 200 && status < 300) return end(Verdict::admitted);
    end(status == 401 || status == 403 ? Verdict::refused : Verdict::unknown);
  }
  void end(Verdict verdict) {
    if (std::exchange(over_, true)) return;
    limit_->cancel();
    resolver_.cancel();
    stream_.close();
    const OnVerdict call = std::move(on_verdict_);
    const std::shared_ptr<State> state = state_.lock();
    if (state == nullptr) return;  // nobody waits any more
    --state->open;
    if (verdict == Verdict::unknown) ++state->unanswered;
    call(verdict);
  }

  CallbackUrl url_;
  std::weak_ptr<State> state_;
  OnVerdict on_verdict_;
  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  std::optional<asio::steady_timer> limit_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_{kMostAnswer};
  http::response_parser<http::string_body> answer_;
  bool over_ = false;
};

Callback::Callback(Loop& loop, CallbackUrl url, DurationNs timeout)
    : state_(std::make_shared<State>(loop, std::move(url), timeout)) {}
Callback::~Callback() = default;

void Callback::ask(const std::string& user, const std::string& proof, const std::string& address,
                   OnVerdict on_verdict) {
  ++state_->asked;
  if (state_->open >= kMostCalls) {
    ++state_->unanswered;
    return on_verdict(Verdict::unknown);
  }
  std::make_shared<Call>(state_, std::move(on_verdict))
      ->start(state_->timeout, question(user, proof, address));
}

uint64_t Callback::asked() const { return state_->asked; }
uint64_t Callback::unanswered() const { return state_->unanswered; }

}  // namespace imroute::cluster
