#include "cluster/process/login_desk.h"

#include <utility>

namespace imroute::cluster {

void LoginDesk::ask(DeviceKey key, ClientType client_type, NodeId avoid, OnAnswer on_answer) {
  if (!link_) link_ = driver_.clients().attach([this](const Frame& frame) { on_frame(frame); });
  Frame login;
  login.type = FrameType::login;
  login.user = key.user;
  login.device = key.device;
  login.client_type = client_type;
  login.node = avoid;
  login.number = next_++;
  open_.emplace(login.number, std::move(on_answer));
  driver_.deliver(ClientFrame{*link_, login});
}

void LoginDesk::on_frame(const Frame& frame) {
  const auto at = open_.find(frame.number);
  if (at == open_.end()) return;
  const OnAnswer call = std::move(at->second);
  open_.erase(at);
  LoginAnswer answer;
  if (frame.type == FrameType::login_refused) {
    answer.refused = frame.reason;
    return call(answer);
  }
  const auto place = driver_.registry()->place_of(frame.node);
  if (!place) {  // it has left since
    answer.refused = Reason::unknown_node;
    return call(answer);
  }
  answer.node = frame.node;
  answer.address = place->client;
  answer.generation = frame.generation;
  answer.token = token_for_(frame);
  call(answer);
}

}  // namespace imroute::cluster
