package search

// walker finds subsequences in the names of a page, one after the other. It notes how far the pattern was at
// each byte of the last name, so that the next one is read only from where it differs.
type walker struct {
	last int // the document walked last, -1 for none
	upto int // places[:upto+1] are known
	done int // after how many bytes the pattern was complete, -1 if it was not
	// places[j] is the place in the pattern before byte j of the last name.
	places [maxFast + 1]uint8
}

func (w *walker) reset() { w.last = -1 }

// to returns how far name i gets in a lower-case pattern of at most maxFast bytes, starting at place k. Names must be
// ASCII and be walked in their order, with the same pattern and k since the last reset.
func (w *walker) to(p *page, i int, pattern string, k int) int {
	from := 0
	if w.last >= 0 {
		shared := p.sharedSince(w.last, i)
		w.last = i
		if w.done >= 0 && w.done <= shared {
			return len(pattern)
		}
		from = min(shared, w.upto)
		k = int(w.places[from])
	}
	w.last, w.done = i, -1
	w.places[from] = uint8(k) //nolint:gosec // at most maxFast
	name := p.name(i)
	known := min(len(name), maxFast)
	want := pattern[k]
	for j := from; j < known; j++ {
		if foldByte[name[j]] == want {
			if k++; k == len(pattern) {
				w.done, w.upto = j+1, j
				return k
			}
			want = pattern[k]
		}
		w.places[j+1] = uint8(k) //nolint:gosec // at most maxFast
	}
	w.upto = known
	return consume(pattern, k, name[known:])
}
