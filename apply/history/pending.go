package history

import (
	"slices"
	"sync"
)

// maxPending bounds the intents that a Store remembers; a person applies one after another.
const maxPending = 256

// pending remembers the intents that this Store has begun, as they are stored, until they are settled: should the history
// be set aside meanwhile, the outcome would otherwise have no intent. Intents of Secrets are here without values, too.
type pending struct {
	mu    sync.Mutex
	byID  map[ID]*begun
	order []ID // oldest first
}

type begun struct {
	row     *intentRow
	at      ID // where it is now; another ID than Begin's after the history was set aside
	settled bool
}

func (p *pending) add(id ID, row *intentRow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID == nil {
		p.byID = make(map[ID]*begun)
	}
	if _, again := p.byID[id]; !again {
		p.order = append(p.order, id)
	}
	p.byID[id] = &begun{row: row, at: id}
	if len(p.order) > maxPending {
		delete(p.byID, p.order[0])
		p.order = slices.Delete(p.order, 0, 1)
	}
}

// get returns the intent that Begin called id, nil when it isn't known, and where it is.
func (p *pending) get(id ID) (row *intentRow, at ID, settled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.byID[id]
	if b == nil {
		return nil, id, false
	}
	return b.row, b.at, b.settled
}

// settle notes where an intent is, and whether its outcome is final; then its body is no longer needed.
func (p *pending) settle(id, at ID, final bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.byID[id]
	if b == nil {
		return
	}
	b.at, b.settled = at, b.settled || final
	if b.settled && b.row.body != nil {
		row := *b.row // a concurrent Finish may be using the row
		row.body = nil
		b.row = &row
	}
}
