package state

// Sizer is a backend that knows about how large a range of keys is on disk.
type Sizer interface {
	Size(from, to []byte) (int64, error)
}

// DiskBytes is about how large the space is on disk, or -1 if the backend does not
// know. What has been written lately may not be counted yet.
func (s Space) DiskBytes() int64 {
	sizer, ok := s.backend.(Sizer)
	if !ok {
		return -1
	}
	n, err := sizer.Size(s.prefix[:], s.end())
	if err != nil {
		return -1
	}
	return n
}
