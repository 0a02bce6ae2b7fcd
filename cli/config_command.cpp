#include <fmt/core.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "train/config/config.h"

namespace tessera {
namespace {

constexpr const char* kIntroduction = R"(# Configuration

A configuration is one YAML file; JSON is read as well. Every key may be left out. `--set KEY=VALUE`
changes one from the command line, after the file: `--set model.patch_size=4`; the value is YAML.

`base: OTHER.yaml` at the top of a file reads another first, its path seen from the file that names
it. Maps merge with the base's, lists replace its lists. Bases may have bases.

`auto` leaves a value to the program, which knows the data set and the machine. The configuration
saved in a run's folder has such values filled in as far as they are known before the data is read.

Unknown keys, keys given twice, wrong types and values that do not go together are errors. All of
them are reported at once, with file, line and column, before any data is read.

This page is what `tessera config` prints.

)";

}  // namespace

Action add_config_command(Arguments& arguments) {
  arguments.footer("Markdown, the same as docs/configuration.md.");
  return [] {
    fmt::print("{}{}", kIntroduction, config_reference());
    return kExitOk;
  };
}

}  // namespace tessera
