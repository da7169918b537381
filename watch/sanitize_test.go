package watch

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSanitize(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"ASCII", "web-1 {a=b}", "web-1 {a=b}"},
		{"scripts", "München 東京 עברית ไทย नमस्ते", "München 東京 עברית ไทย नमस्ते"},
		{"emoji", "ok ✅ ❤️ 👍🏽", "ok ✅ ❤️ 👍🏽"},
		{"line feed, tab, return", "a\nb\tc\r", `a\nb\tc\r`},
		{"escape sequence", "\x1b[31mred", `\x1b[31mred`},
		{"unit separator", "a\x1fb", `a\x1fb`},
		{"NUL and DEL", "\x00\x7f", `\x00\x7f`},
		{"C1", "\u009b31m", `\u009b31m`},
		{"not UTF-8", "a\xffb\xc3", `a\xffb\xc3`},
		{"surrogate in UTF-8", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"replacement character itself", "a\ufffdb", "a\ufffdb"},
		{"separators", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"bidi", "a\u202eb\u2066c\u061cd\u200e", `a\u202eb\u2066c\u061cd\u200e`},
		{"zero width", "a\u200bb\u200dc\ufeffd\u2060e\u00adf", `a\u200bb\u200dc\ufeffd\u2060e\u00adf`},
		{"blank letters", "a\u3164b\u115fc\u034fd", `a\u3164b\u115fc\u034fd`},
		{"tags", "a\U000e0041b\U000e007f", `a\U000e0041b\U000e007f`},
		{"variation selectors beyond emoji", "a\U000e0101", `a\U000e0101`},
		{"noncharacter", "a\ufffe", `a\ufffe`},
		{"Arabic number sign is drawn", "\u0600", "\u0600"},
		{"four marks", "e\u0301\u0302\u0303\u0304", "e\u0301\u0302\u0303\u0304"},
		{"five marks", "e\u0301\u0302\u0303\u0304\u0305\u0306x", "e\u0301\u0302\u0303\u0304…x"},
		{"marks are counted per base", "e\u0301\u0302\u0303o\u0301\u0302", "e\u0301\u0302\u0303o\u0301\u0302"},
		{"mark without a base", "\u0301a", `\u0301a`},
		{"mark after a clean prefix", "abc日\u0301\u0302\u0303\u0304\u0305", "abc日\u0301\u0302\u0303\u0304…"},
		{"backslashes stay", `C:\new`, `C:\new`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Sanitize(tt.in); got != tt.want {
				t.Errorf("Sanitize(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if got := string(AppendSanitized([]byte("x"), tt.in)); got != "x"+tt.want {
				t.Errorf("AppendSanitized: %q", got)
			}
		})
	}
}

func TestSanitizeText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"one line", "one line"},
		{"a:\n  b: c\n", "a:\n  b: c\n"},
		{"dos\r\nfile\r\n", "dos\nfile\n"},
		{"progress\r100%", `progress\r100%`},
		{"progress\r100%\nnext", `progress\r100%` + "\nnext"},
		{"a\tb\tccccccccc\td", "a       b       ccccccccc       d"},
		{"\t\x1bx\n\ty", "        \\x1bx\n        y"},
	}
	for _, tt := range tests {
		if got := SanitizeText(tt.in); got != tt.want {
			t.Errorf("SanitizeText(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestSanitizeCleanDoesNotAllocate(t *testing.T) {
	for _, s := range []string{"registry.example.org/team/web:v1.2.3", "München"} {
		if n := testing.AllocsPerRun(100, func() { Sanitize(s) }); n != 0 {
			t.Errorf("%q: %v allocations", s, n)
		}
	}
}

func FuzzSanitize(f *testing.F) {
	for _, s := range []string{"web", "a\nb", "\x1b[0m", "\u202e", "e\u0301\u0302\u0303\u0304\u0305", "\xff\xfe", "\u0301", "日\u0301", "a\U000e0041", "\t\r\n", "…\u0301\u0301\u0301\u0301\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := Sanitize(s)
		if !utf8.ValidString(clean) {
			t.Fatalf("%q is not UTF-8", clean)
		}
		if again := Sanitize(clean); again != clean {
			t.Fatalf("%q becomes %q the second time", clean, again)
		}
		marks := maxMarks
		for _, r := range clean {
			if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.In(r, unicode.Bidi_Control, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) &&
				!unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
				t.Fatalf("%U is left in %q", r, clean)
			}
			if unicode.In(r, unicode.Mn, unicode.Me) {
				if marks++; marks > maxMarks {
					t.Fatalf("too many marks in %q", clean)
				}
			} else {
				marks = 0
			}
		}
		if text := SanitizeText(s); strings.ContainsAny(text, "\t\r\x1b\x1f") {
			t.Fatalf("SanitizeText leaves %q", text)
		}
	})
}

func BenchmarkSanitizeClean(b *testing.B) {
	s := "registry.example.org/team/web:v1.2.3"
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		Sanitize(s)
	}
}
