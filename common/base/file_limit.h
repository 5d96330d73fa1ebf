// How many files and connections a process may hold open.
#pragma once

namespace tributary {

// Raises the soft limit to the hard one: a connection for each of thousands of clients is more than
// the usual 1,024. Does nothing where that is not allowed.
void RaiseFileLimit();

}  // namespace tributary
