#include "cluster/store/registry_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "cluster/net/loop.h"
#include "config/shape.h"

namespace imroute::cluster {

namespace {

struct Node {
  RegistryState::Session session;
  ServerPlace place;
};

Shape node_shape(Node& n) {
  Shape shape;
  shape.add(count_key("node", n.session.node.value, 0, UINT32_MAX, "which").require());
  shape.add(count_key("session", n.session.id, 1, UINT64_MAX, "its session").require());
  shape.add(count_key("incarnation", n.session.incarnation, 1, UINT64_MAX, "its life").require());
  shape.add(count_key("weight", n.session.weight, 0, UINT32_MAX, "relative capacity"));
  shape.add(flag_key("draining", n.session.draining, "it is leaving"));
  shape.add(text_key("client", n.place.client, "where clients reach it"));
  shape.add(text_key("peer", n.place.peer, "where servers reach it"));
  return shape;
}

struct Document {
  RegistryFile file;
  std::vector<Node> nodes;
};

Shape document_shape(Document& d) {
  Shape shape;
  RegistryState& s = d.file.state;
  shape.add(
      count_key("starts", d.file.starts, 0, UINT64_MAX, "processes that it served").require());
  shape.add(count_key("view_version", s.view_version, 0, UINT64_MAX, "only rises").require());
  shape.add(count_key("next_session", s.next_session, 1, UINT64_MAX, "only rises").require());
  shape.add(
      count_key("next_incarnation", s.next_incarnation, 1, UINT64_MAX, "only rises").require());
  shape.add(count_key("mailbox_identity", s.latest_identity, 0, UINT64_MAX, "last seen").require());
  shape.add(count_key("mailbox_epoch", s.latest_epoch, 0, UINT32_MAX, "of it").require());
  shape.add(object_list_key("nodes", d.nodes, node_shape, "those with a session"));
  return shape;
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw SystemRefusal(file.string() + ": " + what);
}

void write_synced(const std::filesystem::path& file, const std::string& text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) refuse(file, std::string("cannot write: ") + std::strerror(errno));
  const bool whole =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(descriptor) == 0;
  const int problem = errno;
  ::close(descriptor);
  if (!whole) refuse(file, std::string("cannot write: ") + std::strerror(problem));
}

}  // namespace

RegistryFile read_registry_file(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const ParsedJson parsed = parse_json(text);
  Document document;
  Diagnostics diagnostics({file.string()});
  for (const JsonProblem& p : parsed.problems) diagnostics.add(p.place, p.pointer, p.message);
  if (parsed.value) {
    ShapeReader reader(diagnostics);
    read_shape(document_shape(document), *parsed.value, reader);
  }
  const std::vector<Diagnostic> mistakes = diagnostics.take();
  if (!mistakes.empty() || !parsed.value) {
    throw SystemRefusal((mistakes.empty() ? file.string() : mistakes.front().to_string()) +
                        "\nit keeps the numbers of the cluster's registry; restore it, or remove "
                        "it when no node of that cluster runs any more");
  }
  for (const Node& node : document.nodes) {
    document.file.state.sessions.push_back(node.session);
    document.file.places[node.session.node] = node.place;
  }
  return document.file;
}

void write_registry_file(const std::filesystem::path& file, const RegistryFile& content) {
  Document document{content, {}};
  for (const RegistryState::Session& session : content.state.sessions) {
    const auto at = content.places.find(session.node);
    document.nodes.push_back({session, at == content.places.end() ? ServerPlace{} : at->second});
  }
  const std::filesystem::path next = file.string() + ".next";
  write_synced(next, json_text(write_shape(document_shape(document))) + "\n");
  std::error_code error;
  std::filesystem::rename(next, file, error);
  if (error) refuse(file, "cannot write: " + error.message());
  const int directory = ::open(file.parent_path().empty() ? "." : file.parent_path().c_str(),
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

}  // namespace imroute::cluster
