//! Passwords as typed, and the rules a new one must keep. Hashing is in `services::passwords`.
