//! The log as the store knows it. The contract is that of [`ground::Log`].

use kentong_protocol::store::{self as ground, GroundError};

use super::{Log, LogError, OwnedRecord, Position, Record};

impl ground::Log for Log {
    fn append(&mut self, records: &[Record<'_>]) -> Result<Vec<Position>, GroundError> {
        Self::append(self, records).map_err(GroundError::new)
    }

    fn sync(&mut self) -> Result<(), GroundError> {
        Self::sync(self).map_err(GroundError::new)
    }

    fn read(&self, at: Position) -> Result<OwnedRecord, GroundError> {
        Self::read(self, at).map_err(GroundError::new)
    }

    fn scan(
        &self,
        from: Position,
    ) -> impl Iterator<Item = Result<(Position, OwnedRecord), GroundError>> + use<> {
        Self::scan(self, from).map(|found| found.map_err(GroundError::new))
    }

    fn erase(&mut self, at: &[Position]) -> Result<(), GroundError> {
        for position in at {
            match Self::erase(self, *position) {
                Ok(()) | Err(LogError::NoRecord(_)) => {}
                Err(error) => return Err(GroundError::new(error)),
            }
        }
        Ok(())
    }

    fn end(&self) -> Position {
        Self::end(self)
    }

    fn durable(&self) -> Position {
        Self::durable(self)
    }
}
