//! Apache Parquet: money as DECIMAL(19, 12), which is exact, times as UTC microseconds.
//!
//! It is written column by column with the format's own writer; the `arrow` half of that library,
//! which takes minutes to build, is not needed.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType,
    Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::Sink;
use super::row::{Column, Kind, Row, Value, day_label};
use crate::failure::Failure;

/// The rows of one group: what is kept in memory before it is written.
const GROUP_ROWS: usize = 64 * 1024;
/// The digits of a pico-dollar amount of 64 bits, those after the point, and its bytes.
const MONEY_DIGITS: i32 = 19;
const MONEY_PLACES: i32 = 12;
const MONEY_BYTES: i32 = 9;

/// The values of one column that wait to be written.
enum Waiting {
    Bytes(Vec<ByteArray>),
    Integers(Vec<i64>),
    Money(Vec<FixedLenByteArray>),
    Flags(Vec<bool>),
}

/// One column of the group that is being filled: 1 in `present` for each row with a value.
struct Group {
    present: Vec<i16>,
    waiting: Waiting,
}

/// Writes rows as groups of columns.
pub(super) struct Parquet {
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    groups: Vec<Group>,
}

impl Parquet {
    pub(super) fn new(file: File, columns: &[Column]) -> Result<Self, Failure> {
        let fields: Vec<_> =
            columns.iter().map(|own| field(own).map(Arc::new)).collect::<Result<_, _>>()?;
        let schema = Type::group_type_builder("metering").with_fields(fields).build()?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
        let groups = columns.iter().map(Group::new).collect();
        Ok(Self { writer, columns: columns.to_vec(), groups })
    }

    fn write_group(&mut self) -> Result<(), Failure> {
        if self.groups.first().is_none_or(|group| group.present.is_empty()) {
            return Ok(());
        }
        let fresh = self.columns.iter().map(Group::new).collect();
        let mut row_group = self.writer.next_row_group()?;
        for group in std::mem::replace(&mut self.groups, fresh) {
            group.write(&mut row_group)?;
        }
        row_group.close()?;
        Ok(())
    }
}

impl Sink for Parquet {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Failure> {
        for (group, value) in self.groups.iter_mut().zip(&row.values) {
            group.push(value);
        }
        match self.groups.first() {
            Some(group) if group.present.len() >= GROUP_ROWS => self.write_group(),
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        self.write_group()?;
        self.writer.close()?;
        Ok(())
    }
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Flag => (Physical::BOOLEAN, None),
        Kind::Time => {
            let time = LogicalType::timestamp(true, TimeUnit::MICROS);
            (Physical::INT64, Some(time))
        }
        Kind::Money => {
            let decimal = LogicalType::decimal(MONEY_PLACES, MONEY_DIGITS);
            (Physical::FIXED_LEN_BYTE_ARRAY, Some(decimal))
        }
    };
    let builder = Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    match column.kind {
        Kind::Money => builder
            .with_length(MONEY_BYTES)
            .with_precision(MONEY_DIGITS)
            .with_scale(MONEY_PLACES)
            .build(),
        _ => builder.build(),
    }
}

impl Group {
    fn new(column: &Column) -> Self {
        let waiting = match column.kind {
            Kind::Text | Kind::Json => Waiting::Bytes(Vec::new()),
            Kind::Integer | Kind::Time => Waiting::Integers(Vec::new()),
            Kind::Money => Waiting::Money(Vec::new()),
            Kind::Flag => Waiting::Flags(Vec::new()),
        };
        Self { present: Vec::new(), waiting }
    }

    fn push(&mut self, value: &Value<'_>) {
        let is_there = match (&mut self.waiting, value) {
            (Waiting::Bytes(bytes), Value::Text(text)) => {
                bytes.push(ByteArray::from(*text));
                true
            }
            (Waiting::Bytes(bytes), Value::Json(text)) => {
                bytes.push(ByteArray::from(text.as_ref()));
                true
            }
            (Waiting::Bytes(bytes), Value::Day(day)) => {
                bytes.push(ByteArray::from(day_label(*day).as_str()));
                true
            }
            (Waiting::Integers(numbers), Value::Integer(number)) => {
                numbers.push(*number);
                true
            }
            (Waiting::Integers(numbers), Value::Time(at)) => {
                numbers.push(at.micros());
                true
            }
            (Waiting::Money(amounts), Value::Money(amount)) => {
                amounts.push(money(amount.pico_usd()));
                true
            }
            (Waiting::Flags(flags), Value::Flag(flag)) => {
                flags.push(*flag);
                true
            }
            // `every_column_has_its_value` keeps kinds and values together.
            _ => false,
        };
        self.present.push(i16::from(is_there));
    }

    fn write(self, group: &mut SerializedRowGroupWriter<'_, File>) -> Result<(), Failure> {
        let Self { present, waiting } = self;
        match waiting {
            Waiting::Bytes(values) => write_column::<ByteArrayType>(group, &values, &present),
            Waiting::Integers(values) => write_column::<Int64Type>(group, &values, &present),
            Waiting::Money(values) => {
                write_column::<FixedLenByteArrayType>(group, &values, &present)
            }
            Waiting::Flags(values) => write_column::<BoolType>(group, &values, &present),
        }
    }
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    present: &[i16],
) -> Result<(), Failure> {
    let Some(mut column) = group.next_column()? else {
        return Err(Failure::other("the file has fewer columns than a row"));
    };
    column.typed::<T>().write_batch(values, Some(present), None)?;
    column.close()?;
    Ok(())
}

/// Two's complement, the highest byte first, as DECIMAL is stored.
fn money(pico_usd: i64) -> FixedLenByteArray {
    let sign = if pico_usd < 0 { 0xFF } else { 0 };
    let mut bytes = vec![sign];
    bytes.extend(pico_usd.to_be_bytes());
    FixedLenByteArray::from(bytes)
}

impl From<ParquetError> for Failure {
    fn from(error: ParquetError) -> Self {
        Self::other(format!("could not write the Parquet file: {error}"))
    }
}
