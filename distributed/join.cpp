#include "distributed/join.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#ifdef TESSERA_WITH_MPI
#include "distributed/mpi/mpi_communicator.h"
#endif

namespace tessera {

int launched_ranks() {
  // OpenMPI's mpirun, MPICH's and Intel's, and srun with an MPI plugin.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const char* text = std::getenv(name)) return std::max(1, std::atoi(text));
  }
  // srun says how many tasks there are also of programs that have nothing to do with each other.
  const char* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  if (std::getenv("PMIX_RANK") != nullptr && tasks != nullptr) {
    return std::max(1, std::atoi(tasks));
  }
  return 1;
}

void leave_launcher() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    for (const char* prefix : {"OMPI_", "PMIX_", "PMI_"}) {
      if (text.starts_with(prefix)) names.emplace_back(text.substr(0, text.find('=')));
    }
  }
  for (const std::string& name : names) unsetenv(name.c_str());
}

std::shared_ptr<Communicator> join_ranks() {
  const int ranks = launched_ranks();
  if (ranks == 1) return {std::shared_ptr<Communicator>(), &one_process()};
#ifdef TESSERA_WITH_MPI
  return std::make_shared<MpiCommunicator>();
#else
  fail<ConfigError>(
      "started as one of {} ranks, but this tessera is built without MPI: install libopenmpi-dev "
      "and configure with -DTESSERA_MPI=ON",
      ranks);
#endif
}

}  // namespace tessera
