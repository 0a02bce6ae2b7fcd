// What program this is: for `--version` and for the records of runs.
#pragma once

#include <string>

namespace tessera {

/// The commit that the program was built from; empty until `main` has told it, and where no Git
/// was.
void set_program_commit(const std::string& commit);
const std::string& program_commit();

/// As /proc/cpuinfo has it.
std::string cpu_name();
std::string host_name();

/// Version, commit, compiler, oneDNN, CPU and what of it is used, threads; four lines.
std::string version_text(const std::string& commit);

}  // namespace tessera
