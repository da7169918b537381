package columns

import (
	"testing"
	"time"

	"orka/watch"
)

func TestRender(t *testing.T) {
	at := func(d time.Duration) string { return watch.SinceCell(now.Add(-d)) }
	tests := []struct {
		name   string
		column watch.Column
		cell   string
		want   string
	}{
		{"text", watch.Column{}, "Running", "Running"},
		{"number", watch.Column{Type: watch.ColumnNumber}, "12", "12"},
		{"name", watch.Column{Type: watch.ColumnName}, "", "web"},
		{"name with an addition", watch.Column{Type: watch.ColumnName}, "web (default)", "web (default)"},
		{"age", watch.Column{Type: watch.ColumnAge}, "", "2d4h"},
		{"since", watch.Column{Type: watch.ColumnSince}, at(90 * time.Second), "90s"},
		{"since nothing", watch.Column{Type: watch.ColumnSince}, "", "<none>"},
		{"since nothing, of a CRD", watch.Column{Type: watch.ColumnSince, Path: ".status.at"}, "", ""},
		{"since a text", watch.Column{Type: watch.ColumnSince}, "<unknown>", "<unknown>"},
		{"since tomorrow", watch.Column{Type: watch.ColumnSince}, at(-24 * time.Hour), "<invalid>"},
		{"since a clock that is ahead", watch.Column{Type: watch.ColumnSince}, at(-30 * time.Second), "0s"},
		{"count", watch.Column{Type: watch.ColumnCountSince}, watch.CountSinceCell(5, now.Add(-3*time.Minute)), "5 (3m ago)"},
		{"count alone", watch.Column{Type: watch.ColumnCountSince}, watch.CountSinceCell(0, time.Time{}), "0"},
		{"duration", watch.Column{Type: watch.ColumnDuration}, watch.DurationCell(now.Add(-time.Hour), now.Add(-time.Hour+95*time.Second)), "95s"},
		{"duration so far", watch.Column{Type: watch.ColumnDuration}, watch.DurationCell(now.Add(-5*time.Minute), time.Time{}), "5m"},
		{"duration not begun", watch.Column{Type: watch.ColumnDuration}, "", ""},
		{"duration that makes no sense", watch.Column{Type: watch.ColumnDuration}, "x-y", "x-y"},
		{"duration backwards", watch.Column{Type: watch.ColumnDuration}, watch.DurationCell(now, now.Add(-time.Hour)), "<invalid>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := &watch.Object{Name: "web", Created: now.Add(-52 * time.Hour).Unix(), Cells: watch.PackCells("first", tt.cell)}
			if got := Render(tt.column, 1, o, now); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := Render(ageColumn, 0, &watch.Object{}, now); got != "<unknown>" {
		t.Errorf("age of an object without a date: %q", got)
	}
	if got := Render(ageColumn, 0, &watch.Object{Created: now.Add(time.Hour).Unix()}, now); got != "0s" {
		t.Errorf("age of an object of the future: %q", got)
	}
}
