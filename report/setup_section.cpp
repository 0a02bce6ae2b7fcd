#include "report/sections.h"

namespace tessera::report {

std::optional<Section> setup_section(const RunRecord& record) {
  Section section{
      "setup",
      "Setup",
      "Enough to do it again: the same configuration, seed, build and number of threads "
      "give the same bits.",
      {}};
  Markup& html = section.body;
  add_pairs(html, record.environment);
  html.open("details", {{"open", "open"}}).element("summary", "config.yaml, all keys resolved");
  html.open("pre", {{"tabindex", "0"}}).text(record.config_text).close();
  html.close();
  return section;
}

}  // namespace tessera::report
