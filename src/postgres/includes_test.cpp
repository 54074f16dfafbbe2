// Which files a configuration brings in, found as the server finds them.
#include <gtest/gtest.h>

#include "postgres/conf.h"

namespace dugong::postgres {
namespace {

using Kind = Include::Kind;

std::optional<Include> of(const std::string& file, const std::string& text) {
  return include_of(file, parse_conf(text).value().at(0));
}

TEST(Includes, AreRelativeToTheFileThatHasThem) {
  EXPECT_EQ(of("postgresql.conf", "include 'a.conf'"), (Include{Kind::file, "a.conf"}));
  EXPECT_EQ(of("conf.d/a.conf", "include_if_exists = './b.conf'"), (Include{Kind::if_exists, "conf.d/b.conf"}));
  EXPECT_EQ(of("postgresql.conf", "include_dir 'conf.d/'"), (Include{Kind::directory, "conf.d"}));
  EXPECT_EQ(of("postgresql.conf", "port = 5"), std::nullopt);
}

TEST(Includes, OutsideOfTheDataAreWithoutAPath) {
  for (const auto* value : {"'/etc/pg.conf'", "'../pg.conf'", "'a/../../b'"})
    EXPECT_EQ(of("postgresql.conf", std::string{"include "} + value)->path, "") << value;
}

struct Disk {
  ConfFiles all;
  ConfFiles read(const std::string& main) {
    ConfFiles files{{"postgresql.conf", main}};
    add_included(files, {.read = [&](const std::string& name) -> std::optional<std::string> {
                           const auto it = all.find(name);
                           return it == all.end() ? std::nullopt : std::optional{it->second};
                         },
                         .list =
                             [&](const std::string& directory) {
                               std::vector<std::string> names;
                               for (const auto& [name, text] : all)
                                 if (name.starts_with(directory + "/"))
                                   names.push_back(name.substr(directory.size() + 1));
                               return names;
                             }});
    return files;
  }
};

TEST(Includes, AreReadFromFileToFile) {
  Disk disk{{{"conf.d/10.conf", "include 'more'"},
             {"conf.d/more", "work_mem = 1MB"},
             {"conf.d/.hidden.conf", "x = 1"},
             {"conf.d/readme", "x = 1"},
             {"alone.conf", "x = 1"}}};
  const auto files = disk.read("include_dir 'conf.d'\ninclude_if_exists 'none.conf'\n");
  EXPECT_EQ(files.size(), 3U);
  EXPECT_TRUE(files.contains("conf.d/10.conf") && files.contains("conf.d/more"));
}

TEST(Includes, ThatGoInACircleEnd) {
  Disk disk{{{"a.conf", "include 'b.conf'"}, {"b.conf", "include 'a.conf'"}}};
  EXPECT_EQ(disk.read("include 'a.conf'").size(), 3U);
}

TEST(Includes, OfADirectoryComeInTheServersOrder) {
  const ConfFiles files{{"conf.d/20.conf", ""}, {"conf.d/10.conf", ""}, {"conf.d/x/1.conf", ""}, {"conf.d/note", ""}};
  EXPECT_EQ(included_by({Kind::directory, "conf.d"}, files),
            (std::vector<std::string>{"conf.d/10.conf", "conf.d/20.conf"}));
  EXPECT_TRUE(included_by({Kind::file, "none.conf"}, files).empty());
  EXPECT_TRUE(included_by({Kind::file, ""}, files).empty());
}

}  // namespace
}  // namespace dugong::postgres
