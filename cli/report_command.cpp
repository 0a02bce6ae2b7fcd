#include <fmt/core.h>

#include <filesystem>
#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/text.h"
#include "report/report.h"

namespace tessera {
namespace {

struct ReportOptions {
  std::string path;
  std::string out;
  std::string svg;
  std::vector<std::string> overrides;
};

void write(const std::filesystem::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
  fmt::print("{}  {:.1f} MB\n", shown(path.string()), static_cast<double>(text.size()) * 1e-6);
}

/// Writes what was asked for: by default the page, into the folder it is about.
template <typename Page, typename Picture>
void write_results(const ReportOptions& options, Page&& page, Picture&& picture) {
  if (!options.svg.empty()) write(options.svg, picture());
  if (!options.svg.empty() && options.out.empty()) return;
  const std::filesystem::path folder = options.path;
  write(options.out.empty() ? folder / "report.html" : std::filesystem::path(options.out),
        report::to_html(page()));
}

int run(const ReportOptions& options) {
  if (is_study(options.path)) {
    if (!options.overrides.empty()) {
      fail<ConfigError>("--set changes the configuration of a run; {} is a study", options.path);
    }
    const StudyRecord record = read_study_record(options.path);
    write_results(
        options, [&] { return report::study_page(record); },
        [&] { return report::study_picture(record); });
    return kExitOk;
  }
  Log log;
  report::RunView view = report::view_run(options.path, options.overrides, log);
  for (const std::string& notice : view.notices) log.info("{}", notice);
  write_results(
      options, [&] { return report::run_page(view); }, [&] { return report::run_picture(view); });
  return kExitOk;
}

}  // namespace

Action add_report_command(Arguments& arguments) {
  auto options = std::make_shared<ReportOptions>();
  arguments
      .add_option("path", options->path, "Folder of a run or a study; it may still be going on")
      .required();
  arguments.add_option("--out", options->out,
                       "File to write; report.html in the run's folder if not given");
  arguments.add_option("--svg", options->svg, "Write the main charts as this SVG file instead");
  arguments.add_option("--set", options->overrides, "Override a key: --set data.root=/data/fashion")
      .repeated();
  return [options] { return run(*options); };
}

}  // namespace tessera
