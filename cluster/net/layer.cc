#include "cluster/net/layer.h"

#include <utility>

#include "cluster/net/loop.h"

namespace imroute::cluster {

namespace {

class LayerStack : public Layer {
 public:
  LayerStack(Loop& loop, LayerHandle lower, LayerHandle upper)
      : loop_(loop), lower_(std::move(lower)), upper_(std::move(upper)) {}

  void start(ByteBuffer& wire) override {
    dialled_ = true;
    lower_->start(wire);
  }

  LayerState receive(std::span<const std::byte> arrived, ByteBuffer& messages,
                     ByteBuffer& wire) override {
    if (upper_ == nullptr) return lower_->receive(arrived, messages, wire);
    ByteBuffer between = loop_.take_buffer();
    const LayerState below = lower_->receive(arrived, between, wire);
    ByteBuffer answer = loop_.take_buffer();
    if (below == LayerState::open && dialled_) {
      dialled_ = false;
      upper_->start(answer);
    }
    if (!between.empty()) above_ = upper_->receive(between, messages, answer);
    if (!answer.empty() && below == LayerState::open) lower_->send(answer, wire);
    loop_.give_buffer(std::move(between));
    loop_.give_buffer(std::move(answer));
    if (below != LayerState::open) return below;
    if (above_ != LayerState::aside) return above_;
    upper_.reset();
    return LayerState::open;
  }

  void send(std::span<const std::byte> messages, ByteBuffer& wire) override {
    if (upper_ == nullptr) return lower_->send(messages, wire);
    pass_down(wire, [&](ByteBuffer& between) { upper_->send(messages, between); });
  }
  void finish(ByteBuffer& wire) override {
    if (upper_ != nullptr) pass_down(wire, [this](ByteBuffer& b) { upper_->finish(b); });
    lower_->finish(wire);
  }
  std::string_view trouble() const override {
    if (upper_ == nullptr || !lower_->trouble().empty()) return lower_->trouble();
    return upper_->trouble();
  }

 private:
  template <class Make>
  void pass_down(ByteBuffer& wire, Make make) {
    ByteBuffer between = loop_.take_buffer();
    make(between);
    if (!between.empty()) lower_->send(between, wire);
    loop_.give_buffer(std::move(between));
  }
  Loop& loop_;
  LayerHandle lower_, upper_;
  LayerState above_ = LayerState::opening;
  bool dialled_ = false;  // the upper one is still to be started
};

}  // namespace

LayerHandle stack_layers(Loop& loop, LayerHandle of_socket, LayerHandle of_messages) {
  return std::make_unique<LayerStack>(loop, std::move(of_socket), std::move(of_messages));
}

}  // namespace imroute::cluster
