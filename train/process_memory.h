// Memory of this process as the system counts it.
#pragma once

namespace tessera {

/// The most memory this process has held since it started or since reset_peak_memory, in MB (2^20
/// bytes); 0 if the system does not tell.
double peak_memory_mb();

/// What it holds now, and the addresses that it has reserved, in MB; 0 if the system does not tell.
double resident_memory_mb();
double address_space_mb();

/// Counts anew from what is held now, where the system allows it.
void reset_peak_memory();

}  // namespace tessera
