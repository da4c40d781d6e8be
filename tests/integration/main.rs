mod journal;
mod postgres;
mod sample_lists;
mod serve;
