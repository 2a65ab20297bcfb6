#include <gtest/gtest.h>

#include <sstream>

#include "cli/console.h"

namespace imroute {
namespace {

TEST(Console, HumanNumbers) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(counted(1, "node"), "1 node");
  EXPECT_EQ(counted(2'000, "node"), "2,000 nodes");
  EXPECT_EQ(human_number(0), "0");
  EXPECT_EQ(human_number(2.5), "2.5");
  EXPECT_EQ(human_number(100), "100");
  EXPECT_EQ(human_number(12.34), "12.3");
  EXPECT_EQ(human_number(-0.001), "0");
  EXPECT_EQ(human_number(54'321.4), "54,321");
  EXPECT_EQ(human_ms(0.4), "0.4 ms");
  EXPECT_EQ(human_ms(1250), "1.25 s");
  EXPECT_EQ(human_ms(180'000), "3 min");
}

TEST(Console, TableLinesUpWhateverTheAlphabetAndColour) {
  std::ostringstream out, err;
  Table table({{"name"}, {"n", true}});
  table.add_row({{"größe", Paint::red}, {"7"}});
  table.add_row({{"x"}, {"1,000"}});
  table.print(Console{out, err});
  EXPECT_EQ(out.str(), "name       n\n─────  ─────\ngröße      7\nx      1,000\n");
  std::ostringstream coloured;
  table.print(Console{coloured, err, true});
  EXPECT_NE(coloured.str().find("\x1b[31mgröße\x1b[0m      7"), std::string::npos);
}

TEST(Console, TitlesDoNotWidenColumns) {
  std::ostringstream out, err;
  Table table({{"a"}, {"b"}});
  table.add_title({"a title longer than all"});
  table.add_row({{"1"}, {"2"}});
  table.print(Console{out, err});
  EXPECT_EQ(out.str(), "a  b\n─  ─\na title longer than all\n1  2\n");
}

TEST(Console, ProgressIsSilentWithoutATerminal) {
  std::ostringstream out, err;
  const Console console{out, err};
  {
    Progress progress(console, "x");
    progress.show(0.5);
  }
  EXPECT_EQ(err.str(), "");
  const Console terminal{out, err, false, false, true};
  {
    Progress progress(terminal, "x");
    progress.show(0.5);
  }
  EXPECT_NE(err.str().find("50 %"), std::string::npos);
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace imroute
