// Package search makes a shard.World searchable as one types.
//
//	World ─► Index (follows it: Advance) ─► Search(query, options) ─► Result
//
// # What a query finds
//
// Filters (ns: k: label: …) narrow the objects; package query has their grammar. Each word of free text, a
// term, must match. A term is held, letter case aside, against these texts of an object:
//
//   - its name;
//   - the names of its kind: "Deployment", "deployment", "deployments", "deploy", each only in whole;
//   - its scope text, "Kind namespace/name", or "Kind name" where there is no namespace;
//   - its Status word and each of its projected field values, each on its own.
//
// and matches when one of them holds its characters in their order. The best placement gives the term's tier:
//
//	0 TierName        the name is the term
//	1 TierNamePrefix  the name begins with it
//	2 TierNamePart    the name holds it in one piece
//	3 TierScope       a name of the kind is the term, or the scope text holds it in one piece
//	4 TierField       status or a field value holds it in one piece: an IP address, a node, an image
//	5 TierNameFuzzy   the name holds its characters in their order
//	6 TierScopeFuzzy  the scope text does
//	7 TierFieldFuzzy  status or a field value does
//
// Its score is what github.com/sahilm/fuzzy gives for the term on the text that gave the tier: the name, the name
// of the kind (if that is the term, else the scope text), the best scoring value of those in the tier. Scores differ
// from the library's only from 40 adjacent characters on, where its sum overflows and here it is held (score.go).
//
// A hit has the tier of its worst term. But a term that is the kind or the namespace in whole, as in
// "svc cart" or "nginx prod", says where to look: it does not make a hit worse, unless every term is of that sort.
// A hit's score is the sum over all its terms. Hits are in the order of tier, score (highest first), namespace,
// name, kind (GVK.Compare), uid; a query without positive text has no relevance, and its hits are in the order of
// namespace, name, kind, uid. Neither order depends on how the World is cut into shards.
//
// A term to leave out (-canary) leaves out objects that hold it in one piece (tiers 0 to 4): leaving out what merely
// has its characters somewhere would leave out much that nobody meant.
//
// # How
//
// Pages of the World are evaluated one by one, on as many processors as are of use. Beside each shard.Page the
// index keeps a page of columns: names end to end, character masks, creation times, and each distinct pair of field
// and value (and of label and value) once with the set of documents that have it, as 64 bits. A filter or a term
// yields such a set per page, sets are combined by AND, and the exact total is a population count. Only documents that
// can still enter the first Limit hits are scored, by a scorer that allocates nothing and resumes at the stem that
// neighbouring names share.
//
// Nothing is remembered between searches, and an Index has no mutable part: any number of searches may run on it at
// once. Search starts goroutines and waits for them; nothing else here does but Build and Advance, in the same way.
package search
