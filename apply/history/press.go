package history

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// pack compresses plain. Nil stays nil.
func pack(plain []byte) ([]byte, error) {
	if plain == nil {
		return nil, nil
	}
	if len(plain) > MaxBody {
		return nil, fmt.Errorf("%w: a body of %d bytes is larger than the %d that are kept", errRefused, len(plain), MaxBody)
	}
	// One that lives on would keep a megabyte for two records an edit. It adds a checksum, so that damage within a body is
	// found when it is read.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return e.EncodeAll(plain, make([]byte, 0, len(plain)/4+64)), nil
}

// unpack is the inverse of pack. What pack did not make is errDamaged.
func unpack(packed []byte) ([]byte, error) {
	if packed == nil {
		return nil, nil
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxBody))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	plain, err := d.DecodeAll(packed, []byte{})
	if err != nil {
		return nil, fmt.Errorf("%w: a compressed body: %w", errDamaged, err)
	}
	return plain, nil
}
