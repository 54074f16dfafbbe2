// `zfs get -Hp -r -o name,property,value,source`: one line per property, four fields between tabs.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "zfs/commands.h"
#include "zfs/marks.h"

namespace dugong::zfs {
namespace {

struct Line {
  std::string_view name;
  std::string_view property;
  std::string_view value;
  std::string_view source;
};

// The value is whatever stands between the second tab and the last: a mount point may hold a tab, the others cannot.
Result<Line> parse_line(std::string_view text) {
  auto first = text.find('\t');
  auto second = first == std::string_view::npos ? first : text.find('\t', first + 1);
  auto last = text.rfind('\t');
  if (second == std::string_view::npos || last == second || first == 0) {
    return fail(ErrorKind::failed, "zfs get answered a line that is not name, property, value and source: " +
                                       printable(shorten(text, 200)));
  }
  return Line{text.substr(0, first), text.substr(first + 1, second - first - 1),
              text.substr(second + 1, last - second - 1), text.substr(last + 1)};
}

bool absent(std::string_view value) { return value.empty() || value == "-" || value == "none"; }

// "-" is how zfs says that a property has no meaning for this object: 0 in fields where the header says so.
Result<std::uint64_t> number(const Line& line) {
  if (absent(line.value)) return 0;
  auto value = parse_u64(line.value);
  if (value) return *value;
  return fail(ErrorKind::failed, std::string{line.name} + ": " + std::string{line.property} + " is " +
                                     printable(shorten(line.value, 100)) + ", not a number");
}

// "1.85x", and without the x where -p takes it literally. Only an estimate depends on it: what cannot be read is
// unknown.
std::uint64_t percent(std::string_view ratio) {
  if (ratio.ends_with('x')) ratio.remove_suffix(1);
  const auto dot = ratio.find('.');
  auto fraction = dot == std::string_view::npos ? std::string{} : std::string{ratio.substr(dot + 1, 2)};
  fraction.resize(2, '0');
  const auto whole = parse_u64(ratio.substr(0, dot));
  const auto rest = parse_u64(fraction);
  constexpr std::uint64_t most = 1'000'000;
  return whole && rest && *whole <= most ? *whole * 100 + *rest : 0;
}

// Which part of `used` a line is about; nullptr: none of them.
std::optional<Bytes>* share(std::string_view property, Dataset& into) {
  if (property == "usedbydataset") return &into.used_by_dataset;
  if (property == "usedbysnapshots") return &into.used_by_snapshots;
  if (property == "usedbychildren") return &into.used_by_children;
  if (property == "usedbyrefreservation") return &into.used_by_refreservation;
  if (property == "written") return &into.written;
  return nullptr;
}

// What cannot be read is unknown, as what is not there: nothing but a report leans on it.
bool assign_share(const Line& line, Dataset& into) {
  auto* target = share(line.property, into);
  if (target == nullptr) return false;
  if (const auto value = parse_u64(line.value)) *target = *value;
  return true;
}

Result<bool> assign_number(const Line& line, Dataset& into) {
  std::uint64_t* target = nullptr;
  if (line.property == "guid") target = &into.guid.value;
  if (line.property == "createtxg") target = &into.createtxg;
  if (line.property == "used") target = &into.used;
  if (line.property == "referenced") target = &into.referenced;
  if (line.property == "available") target = &into.available;
  if (line.property == "logicalreferenced") target = &into.logical_referenced;
  if (line.property == "userrefs") target = &into.userrefs;
  if (target != nullptr) *target = TRY(number(line));
  if (line.property == "compressratio") into.compress_percent = percent(line.value);
  if (line.property != "creation") return target != nullptr || line.property == "compressratio";
  into.creation = static_cast<std::int64_t>(TRY(number(line)));
  return true;
}

void assign_text(const Line& line, Dataset& into) {
  std::string value{line.value == "-" ? std::string_view{} : line.value};
  if (line.property == "origin") into.origin = value;
  if (line.property == "canmount") into.canmount = value;
  if (line.property == "sync") into.sync = value;
  if (line.property == "receive_resume_token") into.resume_token = value;
  if (line.property == "clones" && !value.empty())
    for (const auto clone : split(value, ',')) into.clones.emplace_back(clone);
  if (line.property == "mounted") into.mounted = value == "yes";
  if (line.property == "readonly") into.readonly = value == "on";
  if (line.property == "mountpoint") {
    into.mountpoint = value;
    into.mountpoint_source = line.source == "-" ? std::string{} : std::string{line.source};
  }
}

bool is_known(std::string_view property) {
  for (const auto* names : {&known_properties(), &openzfs_properties()}) {
    for (auto name : *names) {
      if (name == property) return true;
    }
  }
  return false;
}

void assign_local(const Line& line, Dataset& into) {
  if (line.source != "local") return;
  if (line.property.starts_with(marks::prefix)) {
    into.ours[std::string{line.property.substr(marks::prefix.size())}] = line.value;
  } else if (is_known(line.property)) {
    into.local[std::string{line.property}] = line.value;
  }
}

// "-" is what zfs says where a property has no meaning.
void assign_shown(const Line& line, Dataset& into) {
  if (into.is_snapshot || line.value == "-") return;
  if (std::ranges::find(shown_properties(), line.property) == shown_properties().end()) return;
  into.shown[std::string{line.property}] = line.value;
}

Result<> check(const Dataset& dataset) {
  if (dataset.guid.value != 0 && dataset.createtxg != 0) return {};
  return fail(ErrorKind::failed, "zfs get did not tell the guid and createtxg of " + dataset.name);
}

}  // namespace

Result<std::vector<Dataset>> parse_tree(std::string_view output) {
  std::vector<Dataset> datasets;
  std::map<std::string_view, std::size_t> index;
  for (auto text : lines(output)) {
    auto line = TRY(parse_line(text));
    if (line.name.find('#') != std::string_view::npos) continue;  // OpenZFS lists bookmarks too
    auto [at, is_new] = index.try_emplace(line.name, datasets.size());
    if (is_new) {
      datasets.emplace_back();
      datasets.back().name = line.name;
      datasets.back().is_snapshot = line.name.find('@') != std::string_view::npos;
    }
    auto& dataset = datasets[at->second];
    if (!assign_share(line, dataset) && !TRY(assign_number(line, dataset))) assign_text(line, dataset);
    assign_local(line, dataset);
    assign_shown(line, dataset);
  }
  for (const auto& dataset : datasets) TRY(check(dataset));
  return datasets;
}

}  // namespace dugong::zfs
