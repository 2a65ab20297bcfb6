// Tokens and passes: what is believed, and why what is not; keys, their file, and its change.
#include "cluster/security/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "cluster/net/loop.h"

namespace imroute::cluster {
namespace {

using testing::HasSubstr;

const std::string kSecretA(32, 'a'), kSecretB(40, 'b');

class Tokens : public testing::Test {
 protected:
  Tokens() { write("one " + kSecretA + "\n"); }
  ~Tokens() override { std::filesystem::remove(file_); }
  void write(const std::string& text) { std::ofstream(file_) << text; }
  TokenFault read_here(std::string_view text, int64_t now = 1000) {
    KeyRing keys = ring();
    return read_token(keys, text, NodeId{3}, now, got_);
  }
  KeyRing ring() const { return {"tokens.key_file", file_}; }
  std::string token() const {
    KeyRing keys = ring();
    return make_token(keys, {UserId{42}, 1, NodeId{3}, 7, 1060});
  }
  std::string refusal() const {
    try {
      ring();
    } catch (const SystemRefusal& refusal) {
      return refusal.what();
    }
    return "";
  }
  std::string file_ = testing::TempDir() + "imroute_keys_" + std::to_string(::getpid());
  Token got_;
};

TEST_F(Tokens, AreBelievedWhereTheyAreForAndInTheirTime) {
  EXPECT_EQ(read_here(token()), TokenFault::none);
  EXPECT_EQ(got_.user, UserId{42});
  EXPECT_EQ(got_.device, 1u);
  EXPECT_EQ(got_.generation, 7u);
  EXPECT_EQ(read_here(token(), 1059), TokenFault::none);
  EXPECT_EQ(read_here(token(), 1060), TokenFault::expired);
  KeyRing keys = ring();
  EXPECT_EQ(read_token(keys, token(), NodeId{4}, 1000, got_), TokenFault::wrong_node);
  EXPECT_EQ(read_here(""), TokenFault::missing);
}

// The form is part of what others may write: see the header.
TEST_F(Tokens, HaveTheFormThatIsDescribed) {
  EXPECT_EQ(token(),
            "one.42.1.3.7.1060."
            "62df27ef7228ba53a5938bbfe5609d78caa8f786da7efa8b2948e00114918fab");
  KeyRing keys = ring();
  EXPECT_EQ(make_pass(keys, "alice", 1060),
            "one.1060."
            "c27849945986c559481789b366432cb55c8ba9dc7bc73b9819238ec8eacfb8cb");
}

TEST_F(Tokens, EveryChangedCharacterIsSeen) {
  const std::string right = token();
  for (size_t i = 0; i < right.size(); ++i) {
    for (const char other : {'0', '9', 'f', '.', ' ', '\0'}) {
      std::string wrong = right;
      wrong[i] = other;
      if (wrong == right) continue;
      EXPECT_NE(read_here(wrong), TokenFault::none) << wrong;
    }
    EXPECT_NE(read_here(right.substr(0, i)), TokenFault::none);
  }
  EXPECT_NE(read_here(right + "0"), TokenFault::none);
  EXPECT_EQ(read_here(std::string(100'000, '.')), TokenFault::malformed);
}

TEST_F(Tokens, OfAnotherKeyAreRefused) {
  const std::string ours = token();
  write("one " + kSecretB + "\n");  // the same id
  EXPECT_EQ(read_here(ours), TokenFault::wrong_signature);
  write("two " + kSecretA + "\n");
  EXPECT_EQ(read_here(ours), TokenFault::unknown_key);
}

TEST_F(Tokens, APassIsForOneNameAndNoToken) {
  KeyRing keys = ring();
  const std::string pass = make_pass(keys, "alice", 1060);
  EXPECT_EQ(check_pass(keys, "alice", pass, 1000), TokenFault::none);
  EXPECT_EQ(check_pass(keys, "bob", pass, 1000), TokenFault::wrong_signature);
  EXPECT_EQ(check_pass(keys, "alice", pass, 1060), TokenFault::expired);
  EXPECT_EQ(check_pass(keys, "alice", "", 1000), TokenFault::missing);
  EXPECT_EQ(check_pass(keys, "alice", "x", 1000), TokenFault::malformed);
  EXPECT_EQ(check_pass(keys, "alice", token(), 1000), TokenFault::malformed);
  EXPECT_EQ(read_here(pass), TokenFault::malformed);
  // The name cannot be moved into what stands before it.
  EXPECT_EQ(check_pass(keys, "", pass + ".alice", 1000), TokenFault::malformed);
}

TEST_F(Tokens, KeysAreExchangedWithoutAMomentOfRefusal) {
  KeyRing router = ring(), node = ring();
  const auto round = [&] {
    Token got;
    const std::string made = make_token(router, {UserId{1}, 0, NodeId{0}, 1, 2000});
    EXPECT_EQ(read_token(node, made, NodeId{0}, 1000, got), TokenFault::none);
  };
  // Each step reaches one of them first: that is why there are three.
  const auto change = [&](const std::string& text, const std::string& signs) {
    round();
    write(text);
    const MonoTime limit = monotonic_now() + 60 * kSecond;
    while (router.signing_id() != signs || node.signing_id() != signs) {
      ASSERT_LT(monotonic_now(), limit) << "the file's change is not seen";
      round();
      std::this_thread::yield();
    }
    round();
  };
  const std::string one = "one " + kSecretA + "\n", two = "two " + kSecretB + "\n";
  change("# appended\n" + one + two, "one");
  while (!node.knows("two") || !router.knows("two")) std::this_thread::yield();
  change(two + one, "two");
  change(two, "two");
}

TEST_F(Tokens, AFileThatBecomesUnusableChangesNothing) {
  KeyRing keys = ring();
  std::string trouble;
  keys.on_trouble = [&](const std::string& text) { trouble = text; };
  write("one short\n");
  while (trouble.empty()) keys.signing_id();
  EXPECT_THAT(trouble, HasSubstr("the keys read before stay in force"));
  Token got;
  EXPECT_EQ(
      read_token(keys, make_token(keys, {UserId{1}, 0, NodeId{0}, 1, 2000}), NodeId{0}, 1000, got),
      TokenFault::none);
}

TEST_F(Tokens, MistakesInTheFileAreNamedWithoutItsSecrets) {
  const auto is_refused = [&](const std::string& text, const std::string& why) {
    write(text);
    EXPECT_EQ(refusal(), "tokens.key_file " + file_ + why);
  };
  is_refused("", ": no key in it");
  is_refused("# nothing\n\n", ": no key in it");
  is_refused("one\n", ":1: expected an id and a secret");
  is_refused("one two three\n", ":1: expected an id and a secret");
  is_refused("\none " + std::string(31, 'x') + "\n",
             ":2: the secret of key one has less than 32 characters; make one: openssl rand -hex "
             "32");
  is_refused("o.e " + kSecretA + "\n", ":1: the id is of at most 32 letters, digits, - and _");
  is_refused("one " + kSecretA + "\none " + kSecretB + "\n", ":2: a second key one");
  std::filesystem::remove(file_);
  EXPECT_EQ(refusal(), "tokens.key_file " + file_ + ": cannot be read");
}

}  // namespace
}  // namespace imroute::cluster
