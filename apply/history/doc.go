// Package history keeps what was written to a cluster: an intent before each write, its outcome after it, and the
// last applied versions of each object, so that a person can see what happened and go back.
//
// # Promises
//
//   - [Store.Begin] returns only when the intent is on the disk, so that no write goes unrecorded. A caller that
//     gets an error from it must not write.
//   - An intent without an outcome reads as [Unknown]. No later word turns [Applied], [Refused] or [Failed] into
//     Unknown.
//   - Values of Secrets are never stored, not even encoded or compressed: what is kept of them is a digest under a
//     key of this history.
//   - A history that can't be written still answers questions. A damaged one is set aside under another name,
//     reported, and made anew; one of a newer orka, or a database of another program, is refused and left alone.
//   - Several processes may use one history at once.
//
// # On the disk
//
// One SQLite database, in a folder of mode 0700, with these beside it, all of mode 0600:
//
//	history.db            the database
//	history.db-journal    SQLite's rollback journal; empty between writes
//	history.db.lock       locked (flock) shared during every operation, exclusively while files are made or renamed
//	history.db.key        32 random bytes: the key of the digests. Without it old digests compare with nothing
//	history.db.corrupt-…  what was set aside
//
// The journal is a rollback journal, truncated after each commit, with synchronous=EXTRA: the journal, the database
// and the truncation each reach the disk before COMMIT returns. A write-ahead log would need one fsync instead of
// four. But it also needs a file mapped into memory that all processes share: that fails on network folders, can't
// be read on a read-only file system, ends the process with SIGBUS when the file is cut short, and makes renaming
// a database that another process has open a way to lose what that process writes. A history is written a few
// times an hour; there the plain journal is the better trade.
//
// Setting aside renames files that another process may have open. Therefore each operation holds the shared lock
// and first compares the file under the path with the one it has open; the one that sets aside holds the exclusive
// lock. An intent that a process began in a history which was then set aside is written into the new one together
// with its outcome.
//
// # Goroutines
//
// A Store starts none of its own; database/sql's end with [Store.Close]. All methods may be called concurrently.
package history
